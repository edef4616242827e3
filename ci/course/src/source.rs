//! A learner's tree, from which single files are taken: a folder, or a commit of this repository.
//!
//! Nothing else of it is ever opened. What is taken must be a plain file of text in its place: no link leads the reader
//! elsewhere, and no path leaves the tree.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::workspace::Workspace;

/// The largest file that is taken, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where a learner's files are.
#[derive(Debug)]
pub enum Source {
    /// A folder that holds a copy of the course.
    Folder(PathBuf),
    /// A commit of the repository in this folder.
    Commit {
        /// The folder of this course.
        repository: PathBuf,
        /// The commit's full name.
        commit: String,
    },
}

/// What is in a file's place.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// A file with this text.
    Text(String),
    /// Nothing.
    Missing,
    /// Something that is not taken, and why.
    Refused(String),
}

impl Source {
    /// The folder, or else the commit, that goes by a name.
    pub fn find(name: &str, workspace: &Workspace) -> Result<Self, Error> {
        let folder = Path::new(name);
        if folder.join("exercises").is_dir() {
            return Ok(Source::Folder(folder.into()));
        }
        let commit = format!("{name}^{{commit}}");
        match git(workspace.root(), ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]) {
            Some(found) => {
                let commit = String::from_utf8_lossy(&found).trim().to_owned();
                Ok(Source::Commit { repository: workspace.root().into(), commit })
            }
            None if folder.is_dir() => Err(Error::Usage(format!(
                "{name} has no folder `exercises`. Name the folder in which the learner's copy of the course is."
            ))),
            None => Err(Error::Usage(format!(
                "There is no folder {name}, and no branch, tag or commit of that name in this repository. `git fetch` may bring it."
            ))),
        }
    }

    /// What is at `path`, which is below the tree's root.
    pub fn take(&self, path: &Path) -> Result<Taken, Error> {
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(Taken::Refused("this path leaves the learner's tree.".into()));
        }
        match self {
            Source::Folder(root) => from_folder(root, path),
            Source::Commit { repository, commit } => from_commit(repository, commit, path),
        }
    }

    /// The paths of the Rust files in a folder below the tree's root and in the folders below it, as far as no link leads there. What a
    /// link hides is named like a file, and refused when it is [taken](Self::take).
    pub fn rust_files(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let mut paths = match self {
            Source::Folder(root) => in_folder(root, folder)?,
            Source::Commit { repository, commit } => in_commit(repository, commit, folder)?,
        };
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
        paths.sort();
        Ok(paths)
    }
}

fn in_folder(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut place = root.to_owned();
    let is_folder = |part: Component| {
        place.push(part);
        fs::symlink_metadata(&place).is_ok_and(|about| about.is_dir())
    };
    if !folder.components().all(is_folder) {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(&place).map_err(Error::io("read", &place))? {
        let entry = entry.map_err(Error::io("read", &place))?;
        let path = folder.join(entry.file_name());
        match entry.file_type().map_err(Error::io("read", &entry.path()))?.is_dir() {
            true => paths.extend(in_folder(root, &path)?),
            false => paths.push(path),
        }
    }
    Ok(paths)
}

fn in_commit(repository: &Path, commit: &str, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let args: [&OsStr; 7] = [
        "ls-tree".as_ref(),
        "-r".as_ref(),
        "-z".as_ref(),
        "--name-only".as_ref(),
        commit.as_ref(),
        "--".as_ref(),
        folder.as_os_str(),
    ];
    let listed = git(repository, args).ok_or_else(|| {
        Error::Course(format!("`git` cannot list the files of {commit}. Is the repository whole? Try `git fsck`."))
    })?;
    let names = listed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}

fn from_folder(root: &Path, path: &Path) -> Result<Taken, Error> {
    let mut place = root.to_owned();
    for part in path.components() {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Taken::Missing),
            Err(error) => return Err(Error::io("read", &place)(error)),
            Ok(about) if about.is_symlink() => return Ok(Taken::Refused(LINK.into())),
            Ok(_) => {}
        }
    }
    if !fs::symlink_metadata(&place).is_ok_and(|about| about.is_file()) {
        return Ok(Taken::Refused(NO_FILE.into()));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&place).map_err(Error::io("read", &place))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io("read", &place))?;
    Ok(text(bytes))
}

fn from_commit(repository: &Path, commit: &str, path: &Path) -> Result<Taken, Error> {
    let lost = || {
        Error::Course(format!(
            "`git` cannot read {} of {commit}. Is the repository whole? Try `git fsck`.",
            path.display()
        ))
    };
    let listed = git(repository, ["ls-tree".as_ref(), "-z".as_ref(), commit.as_ref(), "--".as_ref(), path.as_os_str()]);
    let listed = String::from_utf8_lossy(&listed.ok_or_else(lost)?).into_owned();
    let mut words = listed.split([' ', '\t']);
    let (mode, _, object) = (words.next().unwrap_or_default(), words.next(), words.next().unwrap_or_default());
    match mode {
        "" => Ok(Taken::Missing),
        "100644" | "100755" => {
            let size = git(repository, ["cat-file", "-s", object]).ok_or_else(lost)?;
            if String::from_utf8_lossy(&size).trim().parse::<u64>().map_err(|_| lost())? > LARGEST {
                return Ok(Taken::Refused(TOO_LARGE.into()));
            }
            Ok(text(git(repository, ["cat-file", "blob", object]).ok_or_else(lost)?))
        }
        "120000" => Ok(Taken::Refused(LINK.into())),
        _ => Ok(Taken::Refused(NO_FILE.into())),
    }
}

const LINK: &str =
    "this is a symbolic link, or is reached through one. Only plain files are taken; put the file itself there.";
const NO_FILE: &str = "this is not a plain file. Only plain files are taken.";
const TOO_LARGE: &str = "this file is larger than 1 MiB. No task needs so much.";

fn text(bytes: Vec<u8>) -> Taken {
    if bytes.len() as u64 > LARGEST {
        return Taken::Refused(TOO_LARGE.into());
    }
    String::from_utf8(bytes).map_or_else(|_| Taken::Refused("this file is not UTF-8 text.".into()), Taken::Text)
}

/// What git prints, if it succeeds.
fn git<S: AsRef<OsStr>>(repository: &Path, args: impl IntoIterator<Item = S>) -> Option<Vec<u8>> {
    let output = Command::new("git")
        .args(args)
        .current_dir(repository)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn plain_files_are_taken_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("src/folder.rs")).unwrap();
        fs::write(root.join("src/plain.rs"), "fn plain() {}").unwrap();
        fs::write(root.join("src/large.rs"), vec![b' '; (LARGEST + 1) as usize]).unwrap();
        fs::write(root.join("src/bytes.rs"), [0xFF]).unwrap();
        fs::write(folder.path().join("secret.rs"), "secret").unwrap();
        symlink(folder.path().join("secret.rs"), root.join("src/link.rs")).unwrap();
        symlink(folder.path(), root.join("out")).unwrap();
        let take = |path: &str| Source::Folder(root.clone()).take(Path::new(path)).unwrap();
        assert_eq!(take("src/plain.rs"), Taken::Text("fn plain() {}".into()));
        assert_eq!(take("src/none.rs"), Taken::Missing);
        assert_eq!(take("src/link.rs"), Taken::Refused(LINK.into()));
        assert_eq!(take("out/secret.rs"), Taken::Refused(LINK.into()));
        assert_eq!(take("src/folder.rs"), Taken::Refused(NO_FILE.into()));
        assert_eq!(take("src/large.rs"), Taken::Refused(TOO_LARGE.into()));
        for path in ["../secret.rs", "src/../../secret.rs", "/etc/hostname", "src/bytes.rs"] {
            assert!(matches!(take(path), Taken::Refused(_)), "{path} was taken");
        }
    }
}
