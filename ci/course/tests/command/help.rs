//! `--help`, and command lines that make no sense.

use crate::fixture::shared;

#[test]
fn help_lists_every_command_and_every_exit_code() {
    let help = shared().says(&["--help"], 0);
    for word in [
        "check",
        "watch",
        "read",
        "hint",
        "credit",
        "replay",
        "explore",
        "lab",
        "reset",
        "skip",
        "solution",
        "serve",
        "dev",
        "Exit codes:",
        "130",
    ] {
        assert!(help.contains(word), "`{word}` is missing:\n{help}");
    }
}

#[test]
fn a_command_that_is_not_there_is_a_usage_error() {
    let (code, _, stderr) = shared().run(&["chek"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("'check'"), "the nearest command is missing:\n{stderr}");
}

#[test]
fn outside_of_the_course_the_command_says_where_to_go() {
    let mut command = shared().course(&[]);
    let output = command.current_dir(std::env::temp_dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("is not inside the course"), "{stderr}");
    assert!(stderr.contains("Change to the folder where you cloned the course"), "{stderr}");
}
