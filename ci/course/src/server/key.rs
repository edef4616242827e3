//! The key of the reader's server: a word in the address that the command prints. It is kept, so that the address holds when the server is
//! started again, in a file that other users of this machine cannot read.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use testkit::check::verdict::unguessable;

use crate::error::Error;
use crate::workspace::Workspace;

/// Its owner may read and write it, and no other user may do anything.
const OWNER_ALONE: u32 = 0o600;

/// The key of before, or a new one.
pub fn load(workspace: &Workspace) -> Result<String, Error> {
    let file = workspace.scratch("server-key");
    match kept(&file) {
        Some(key) => Ok(key),
        None => make(&file),
    }
}

/// The key in a file, if no other user can have read it.
fn kept(file: &Path) -> Option<String> {
    let about = fs::symlink_metadata(file).ok()?;
    let is_ours =
        about.is_file() && about.mode() & 0o777 == OWNER_ALONE && about.uid() == rustix::process::geteuid().as_raw();
    let key = fs::read_to_string(file).ok().filter(|_| is_ours)?;
    let is_whole = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then_some(key)
}

fn make(file: &Path) -> Result<String, Error> {
    let key = unguessable();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let _ = fs::remove_file(file); // one that may have been read, or that is no file of ours
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ALONE).open(file).and_then(|mut written| {
        written.set_permissions(Permissions::from_mode(OWNER_ALONE))?;
        written.write_all(key.as_bytes())
    });
    made.map_err(Error::io("write", file))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_holds_until_somebody_else_may_have_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert_eq!(kept(&file), None);
        let key = make(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, OWNER_ALONE);
        assert_eq!(kept(&file), Some(key.clone()));
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(kept(&file), None, "others can read it");
        assert_ne!(make(&file).unwrap(), key);
        fs::write(&file, "short").unwrap();
        assert_eq!(kept(&file), None, "a key that is half written");
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &file).unwrap();
        fs::write(folder.path().join("elsewhere"), &key).unwrap();
        assert_eq!(kept(&file), None, "a link that leads to a file of another user");
    }
}
