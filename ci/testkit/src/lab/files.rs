//! The files that labs write.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// `target/course/labs` of this workspace, where `cargo course lab` looks for plots. It need not exist yet.
pub fn plots() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace.join(target).join("course/labs")
}

/// Writes a file, and makes the folders above it if they are missing.
///
/// # Errors
/// A sentence with the file's path, if the system refuses.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    put(file, text).map_err(|why| format!("Cannot write {}: {why}.", file.display()))
}

fn put(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)
}

/// Writes the files of a run that the book shows, each given by its name and its text, and prints a line for each.
///
/// # Errors
/// That of the first file that cannot be written. Those before it are there.
pub fn record<const FILES: usize>(folder: &Path, files: [(&str, String); FILES]) -> Result<(), String> {
    for (name, text) in files {
        let file = folder.join(name);
        write(&file, &text)?;
        println!("wrote {}", file.display());
    }
    Ok(())
}

/// The comment above a page of the book that a lab has written. `wish` goes on after "To write", and `command` fulfils it.
pub fn comment(wish: &str, command: &str) -> String {
    format!("<!-- Written by the lab itself. To write {wish}:\n     {command} -->\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of this test process alone.
    fn scratch(name: &str) -> PathBuf {
        env::temp_dir().join(format!("testkit-lab-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_recorded_run_is_in_its_folder() {
        let folder = scratch("record").join("a/b");
        record(&folder, [("one.md", "1\n".to_owned()), ("two.svg", "2\n".to_owned())]).unwrap();
        let read = |name| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!([read("one.md"), read("two.svg")], ["1\n", "2\n"]);
        fs::remove_dir_all(scratch("record")).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let file = scratch("refused");
        fs::create_dir_all(&file).unwrap();
        let says = write(&file, "a folder is no file").unwrap_err();
        assert!(says.starts_with(&format!("Cannot write {}: ", file.display())) && says.ends_with('.'), "{says}");
        fs::remove_dir(&file).unwrap();
    }

    #[test]
    fn plots_lie_in_the_target_folder() {
        assert!(plots().ends_with("course/labs"));
    }

    #[test]
    fn a_page_says_how_it_was_written() {
        let says = "<!-- Written by the lab itself. To write it anew:\n     cargo run -- --record -->\n";
        assert_eq!(comment("it anew", "cargo run -- --record"), says);
    }
}
