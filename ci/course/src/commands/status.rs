//! `cargo course`: where the learner is, and the one next thing to do.

use crate::error::{Error, Exit};
use crate::guide;
use crate::manifest::ground;
use crate::manifest::{Course, PLAN, Stage, Task};
use crate::progress::{Prints, Progress, Standing};
use crate::style::{FAINT, GOOD, STRONG, TYPE, WARN, paint, say};
use crate::workspace::Workspace;

/// Prints the stages, the tasks and the next step.
pub fn run(workspace: &Workspace) -> Result<Exit, Error> {
    let course = Course::load(workspace)?;
    let progress = Progress::load(workspace)?;
    let prints = Prints::take(&course, workspace);
    let next = guide::next(&course, &progress, &prints);
    let current = next.map(|next| next.task.id.as_str());
    say(format!("\n{}  {}\n", paint(STRONG, "In at the Deep End"), paint(FAINT, score(&course, &progress))));
    for (folder, title, summary) in PLAN {
        match course.stage(folder) {
            Some(stage) => present(&course, stage, &progress, &prints, current),
            None => say(paint(FAINT, format!("  {} {title:<19} coming: {summary}", &folder[..1]))),
        }
    }
    for stage in course.unplanned() {
        present(&course, stage, &progress, &prints, current);
    }
    if let Some(says) = progress.unclaimed(&course) {
        say(format!("\n{}", paint(WARN, says)));
    }
    say(format!("\n{}\n", guide::outlook(&course, &progress, &prints, workspace)));
    Ok(Exit::Fine)
}

/// "30 of 95 points", with what bonus tasks brought on top.
pub fn score(course: &Course, progress: &Progress) -> String {
    let sum = |bonus: bool, worth: &dyn Fn(&Task) -> u32| -> u32 {
        course.tasks().map(|(_, task)| task).filter(|task| task.bonus == bonus).map(worth).sum()
    };
    let earned = |task: &Task| progress.points(task);
    let (have, all, extra) = (sum(false, &earned), sum(false, &|task| task.points), sum(true, &earned));
    let bonus = if extra > 0 { format!(", and a bonus of {extra}") } else { String::new() };
    format!("{have} of {}{bonus}", guide::points(all))
}

fn present(course: &Course, stage: &Stage, progress: &Progress, prints: &Prints, current: Option<&str>) {
    say(format!(
        "  {} {} {}",
        stage.number(),
        paint(STRONG, format!("{:<19}", stage.title)),
        paint(FAINT, &stage.summary)
    ));
    ground(course, stage).iter().for_each(|line| say(format!("    {}", paint(WARN, line))));
    let widest = |text: fn(&Task) -> &str| stage.tasks.iter().map(|task| text(task).chars().count()).max().unwrap_or(0);
    let (ids, titles) = (widest(|task| &task.id), widest(|task| &task.title));
    for task in &stage.tasks {
        let standing = progress.standing(prints, task);
        let mark = match standing {
            Standing::Done => paint(GOOD, "✓"),
            Standing::Changed => paint(WARN, "~"),
            Standing::BeforeEdits | Standing::BeforeUpdate => paint(FAINT, "~"),
            Standing::Open if current == Some(&task.id) => paint(TYPE, "›"),
            Standing::Open => paint(FAINT, "·"),
        };
        let id = paint(if current == Some(&task.id) { STRONG } else { FAINT }, format!("{:<ids$}", task.id));
        say(format!("    {mark} {id}  {:<titles$} {}", task.title, worth(task, standing, progress)));
    }
}

/// That a stage is skipped, and on whose reference it stands itself.
fn ground(course: &Course, stage: &Stage) -> Vec<String> {
    let skipped = course.is_skipped(stage).then(|| {
        let users: Vec<&Stage> = course.users(stage).collect();
        let undo = format!("cargo course skip {} --undo", stage.short());
        format!("skipped: {} on its reference solution ({undo})", ground::stand(&users))
    });
    let references = course.references(stage);
    let stands = (!references.is_empty()).then(|| format!("stands on {}", ground::reference_of(&references)));
    skipped.into_iter().chain(stands).collect()
}

fn worth(task: &Task, standing: Standing, progress: &Progress) -> String {
    let bonus = if task.bonus { " bonus" } else { "" };
    match standing {
        Standing::Open => paint(FAINT, format!("{:>3}{bonus}", task.points)).to_string(),
        Standing::Done => paint(GOOD, format!("{:>3}{bonus}", progress.points(task))).to_string(),
        Standing::Changed | Standing::BeforeEdits | Standing::BeforeUpdate => {
            let style = if standing == Standing::Changed { WARN } else { FAINT };
            paint(style, format!("{:>3}{bonus} {}", progress.points(task), guide::words(standing))).to_string()
        }
    }
}
