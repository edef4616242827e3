//! `cargo course judge`: only the code of the stages is taken from a learner's tree, and nothing else in it has any effect.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{COUNTS, Fixture, STARTER};
use crate::lines::lines;

/// A learner's copy of the course, with what the learner has written.
struct Tree(tempfile::TempDir);

impl Tree {
    /// The starters of `fixture`, with the two tasks written.
    fn of(fixture: &Fixture, count: &str, tally: &str) -> Self {
        let tree = Tree(tempfile::tempdir().unwrap());
        let starter = |file| fs::read_to_string(fixture.file(file)).unwrap();
        tree.put("src/count.rs", &starter("src/count.rs").replace("todo!(\"Count the items.\")", count));
        tree.put("src/tally.rs", &starter("src/tally.rs").replace(STARTER, tally));
        tree
    }

    fn root(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    fn place(&self, file: &str) -> PathBuf {
        self.0.path().join("exercises/1-tiny").join(file)
    }

    fn put(&self, file: &str, text: &str) {
        let place = self.place(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
}

#[test]
fn a_learners_code_is_judged_by_the_mentors_checks() {
    let fixture = Fixture::new("judge");
    let tree = Tree::of(&fixture, "items.len()", COUNTS);
    let says = fixture.says(&["judge", tree.root()], 0);
    assert!(
        says.starts_with(&format!("2 files taken from {}. They run with your permissions.", tree.root())),
        "{says}"
    );
    assert!(says.contains("✓ Count  10 points"), "{says}");
    assert!(says.contains("33 of 33 points"), "{says}");
    let untouched = fs::read_to_string(fixture.file("src/count.rs")).unwrap();
    assert!(untouched.contains("todo!"), "the mentor's own code is as it was");
    assert_eq!(fixture.progress(), "", "what a learner passes is not the mentor's");

    let (lines, code) = lines(&fixture, &["judge", tree.root(), "count", "--json"]);
    assert_eq!(code, 0);
    assert_eq!(
        lines[0]["files"],
        serde_json::json!(["exercises/1-tiny/src/count.rs", "exercises/1-tiny/src/tally.rs"])
    );
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["stage"]), (&"judged".into(), &"1-tiny".into()));
    assert_eq!(last["tasks"], serde_json::json!([{"id": "count", "passed": true, "points": 10}]));
}

/// The mentor is told of the files that no task names: a learner may have a module of their own, and change what is given.
#[test]
fn a_learner_may_have_more_files_than_the_tasks() {
    let fixture = Fixture::new("judge");
    let tree = Tree::of(&fixture, "crate::own::len(items)", COUNTS);
    let given = fs::read_to_string(fixture.file("src/lib.rs")).unwrap();
    tree.put("src/lib.rs", &given);
    let says = fixture.says(&["judge", tree.root()], 1);
    assert!(!says.contains("No task asks for these"), "{says}");
    tree.put("src/lib.rs", &format!("{given}\nmod own;\n"));
    tree.put("src/own/mod.rs", "pub fn len(items: &[u32]) -> usize {\n    items.len()\n}\n");
    let says = fixture.says(&["judge", tree.root()], 0);
    let beyond = "look at them: exercises/1-tiny/src/lib.rs, exercises/1-tiny/src/own/mod.rs\n";
    assert!(says.contains(beyond), "{says}");
    assert!(says.contains("33 of 33 points"), "{says}");
    let again = Tree::of(&fixture, "items.len()", COUNTS);
    let says = fixture.says(&["judge", again.root()], 0);
    assert!(says.starts_with("2 files taken"), "what one learner added does not stay for the next: {says}");

    let repository = Repository::new(&fixture.root);
    let file = |path: &str| fs::read_to_string(tree.place(path)).unwrap();
    let texts = ["src/lib.rs", "src/own/mod.rs", "src/count.rs", "src/tally.rs"].map(|path| (path, file(path)));
    let files = texts.each_ref().map(|(path, text)| (format!("exercises/1-tiny/{path}"), text.as_str()));
    let files = files.each_ref().map(|(path, text)| (path.as_str(), "100644", *text));
    repository.branch("ada", &files);
    let says = fixture.says(&["judge", "ada"], 0);
    assert!(says.contains(beyond), "{says}");

    symlink("/etc/hostname", tree.place("src/own/link.rs")).unwrap();
    let (code, _, stderr) = fixture.run(&["judge", tree.root()]);
    assert!(code == 1 && stderr.contains("src/own/link.rs: this is a symbolic link"), "{stderr}");
}

/// Each of these lets plain `cargo test` pass in the learner's tree without a single check.
#[test]
fn what_stands_beside_the_code_has_no_effect() {
    let fixture = Fixture::new("judge");
    let tree = Tree::of(&fixture, "7", COUNTS);
    let manifest = fs::read_to_string(fixture.file("Cargo.toml")).unwrap();
    let skips =
        "build = \"build.rs\"\n\n[lib]\ntest = false\n\n[[test]]\nname = \"graded\"\ntest = false\nharness = false\n";
    tree.put("Cargo.toml", &manifest.replacen("\n[lib]\n", &format!("{skips}\n[lib]\n"), 1));
    tree.put("build.rs", "fn main() { std::fs::write(\"tests/checks/count.rs\", \"\").unwrap(); }");
    let check = "#[test]\n#[ignore]\npub fn one_and_one_is_two() {}\n";
    tree.put("tests/checks/count.rs", check);
    tree.put("tests/checks/mod.rs", "pub mod count;\n");
    tree.put("tests/graded.rs", "fn main() {}\n");
    let runner = "[target.'cfg(all())']\nrunner = \"true\"\n[build]\nrustc-wrapper = \"true\"\n";
    tree.put(".cargo/config.toml", runner);
    fs::create_dir_all(tree.0.path().join(".cargo")).unwrap();
    fs::write(tree.0.path().join(".cargo/config.toml"), runner).unwrap();
    let says = fixture.says(&["judge", tree.root()], 1);
    assert!(says.contains("Two items were counted as 7."), "{says}");
    assert!(says.contains("✗ Count  10 points"), "{says}");
    assert!(says.contains("✓ Count together  20 points"), "{says}");
}

#[test]
fn what_is_no_plain_file_of_the_tree_is_refused() {
    let fixture = Fixture::new("judge");
    let tree = Tree::of(&fixture, "items.len()", COUNTS);
    let reference = fixture.root.join("solutions/1-tiny/src/count.rs");
    fs::remove_file(tree.place("src/count.rs")).unwrap();
    symlink(&reference, tree.place("src/count.rs")).unwrap();
    let includes = format!("include!({reference:?});");
    tree.put("src/tally.rs", &includes);
    let (code, _, stderr) = fixture.run(&["judge", tree.root()]);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("refused: exercises/1-tiny/src/count.rs: this is a symbolic link"), "{stderr}");
    assert!(
        stderr.contains("refused: exercises/1-tiny/src/tally.rs:1: `include!` takes text from another file"),
        "{stderr}"
    );

    // A whole folder may be a link as well.
    let tree = Tree(tempfile::tempdir().unwrap());
    fs::create_dir_all(tree.0.path().join("exercises")).unwrap();
    symlink(fixture.root.join("solutions/1-tiny"), tree.0.path().join("exercises/1-tiny")).unwrap();
    let (code, _, stderr) = fixture.run(&["judge", tree.root()]);
    assert!(code == 1 && stderr.contains("this is a symbolic link"), "{stderr}");
}

#[test]
fn a_branch_is_judged_without_being_checked_out() {
    let fixture = Fixture::new("judge");
    let count = fs::read_to_string(fixture.file("src/count.rs")).unwrap();
    let repository = Repository::new(&fixture.root);
    let written = count.replace("todo!(\"Count the items.\")", "items.len()");
    repository.branch("ada", &[("exercises/1-tiny/src/count.rs", "100644", &written)]);
    repository.branch("bob", &[("exercises/1-tiny/src/count.rs", "120000", "/etc/hostname")]);
    let says = fixture.says(&["judge", "ada", "count"], 0);
    assert!(says.contains("1 file taken from ada."), "{says}");
    assert!(says.contains("Not there, so the starter is judged instead: exercises/1-tiny/src/tally.rs"), "{says}");
    assert!(says.contains("✓ Count  10 points"), "{says}");
    assert_eq!(fs::read_to_string(fixture.file("src/count.rs")).unwrap(), count, "nothing is checked out");
    let (code, _, stderr) = fixture.run(&["judge", "bob", "count"]);
    assert!(code == 1 && stderr.contains("this is a symbolic link"), "{stderr}");
    let says = fixture.complains(&["judge", "carol"], 2);
    assert!(says.starts_with("There is no folder carol, and no branch, tag or commit of that name"), "{says}");
}

#[test]
fn code_that_does_not_compile_is_told_with_its_place_in_the_learners_tree() {
    let fixture = Fixture::new("judge");
    let tree = Tree::of(&fixture, "items.length()", COUNTS);
    let (code, stdout, stderr) = fixture.run(&["judge", tree.root()]);
    assert_eq!(code, 1, "{stdout}\n{stderr}");
    assert!(stderr.contains("--> exercises/1-tiny/src/count.rs:"), "{stderr}");
    assert!(stderr.contains("Your code does not compile yet"), "{stderr}");
}

/// A git repository in a folder, in which commits are made without a look at the files there.
struct Repository<'r>(&'r Path);

impl<'r> Repository<'r> {
    fn new(root: &'r Path) -> Self {
        let repository = Repository(root);
        let _ = fs::remove_dir_all(root.join(".git"));
        repository.git(&["init", "--quiet"], "");
        repository
    }

    /// A branch of one commit with these files: path, mode, content.
    fn branch(&self, name: &str, files: &[(&str, &str, &str)]) {
        self.git(&["read-tree", "--empty"], "");
        for (path, mode, text) in files {
            let object = self.git(&["hash-object", "-w", "--stdin"], text);
            self.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{},{path}", object.trim())], "");
        }
        let tree = self.git(&["write-tree"], "");
        let commit = self.git(&["commit-tree", tree.trim(), "-m", "work"], "");
        self.git(&["branch", "--force", name, commit.trim()], "");
    }

    fn git(&self, args: &[&str], input: &str) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a learner", "-c", "user.email=learner@example.org"]).args(args);
        command.current_dir(self.0).env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
        let output = assert_cmd::Command::from_std(command).write_stdin(input).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Repository<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.join(".git"));
    }
}
