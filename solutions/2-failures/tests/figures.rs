//! What figures of the book show of frames, torn files and a week of the monkey is what the reference does.

use failures_solution::monkey::{Config, Entry, Monkey, State, View};
use failures_solution::wal::{FILE, Wal, WalError, frame};
use jiff::Timestamp;
use jiff::civil::date;
use testkit::disk::{Disk, Faulty};

const FRAME: &str = include_str!("../../../book/src/2-failures/figures/disk-frame.svg");
const TORN: &str = include_str!("../../../book/src/2-failures/figures/wal-torn-append.svg");
/// The page that the week stands on, with the monkey's configuration.
const PAGE: &str = include_str!("../../../book/src/2-failures/monkey.md");
const WEEK: &str = include_str!("../../../book/src/2-failures/figures/monkey-week.svg");

/// The texts of a figure, in order, of which each stands on a line of its own.
fn texts(figure: &str) -> impl Iterator<Item = &str> {
    figure.lines().filter_map(|line| line.strip_prefix("<text")?.split_once('>')?.1.strip_suffix("</text>"))
}

#[test]
fn the_bytes_of_the_frame_are_those_that_are_written() {
    let cells = FRAME.lines().filter(|line| line.contains("font-size=\"13\"")).collect::<Vec<_>>().join("\n");
    let drawn: Vec<u8> = texts(&cells).map(|cell| u8::from_str_radix(cell, 16).unwrap()).collect();
    assert_eq!(drawn, frame::encode(5, &[b"key/4f2a".to_vec(), vec![]]));
}

/// What the figure says of a file that is opened.
fn opened(file: &[u8]) -> String {
    let mut disk = Faulty::default();
    disk.create(FILE).unwrap();
    disk.append(FILE, file).unwrap();
    match Wal::open(disk.clone()) {
        Ok((_, records)) if disk.read(FILE).unwrap() == file => format!("open: {} records", records.len()),
        Ok((_, records)) => format!("open: {}, cuts it off", records.len()),
        Err(WalError::Corrupt { at }) => format!("open: Corrupt, at {at}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn torn_and_damaged_files_open_as_the_figure_says() {
    let frame = |first, record: &str| frame::encode(first, &[record.as_bytes().to_vec()]);
    let synced = [frame(0, "invite/7c"), frame(1, "key/4f2a")].concat();
    let third = frame(2, "alert/12");
    let (half, zeros) = (third.len() / 2, vec![0; third.len()]);
    let torn = [
        vec![],
        third[..half].to_vec(),
        zeros.clone(),
        [&zeros[..half], &third[half..]].concat(),
        [&third[..half], &zeros[half..]].concat(),
        third.clone(),
    ];
    let torn = torn.map(|found| [&synced[..], &found].concat());
    let damaged = [synced.len() - 3, synced.len() + third.len() - 2].map(|at| {
        let mut file = [&synced[..], &third].concat();
        file[at] ^= 0x10;
        file
    });
    let told: Vec<String> = torn.iter().chain(&damaged).map(|file| opened(file)).collect();
    let drawn: Vec<&str> = texts(TORN).filter(|text| text.starts_with("open: ")).collect();
    assert_eq!(drawn, told);
}

#[test]
fn the_week_of_the_monkey_goes_as_it_is_drawn() {
    let config = PAGE.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let config = Config::from_toml(config).unwrap();
    let schedule = config.schedule.clone();
    let view: View = ["n0", "n1", "n2"].map(|name| (name.to_owned(), State::Healthy)).into();
    let mut monkey = Monkey::new(config, 1);
    let mut told = Vec::new();
    for day in (21..=27).map(|day| date(2026, 12, day)).filter(|day| schedule.is_working_day(*day)) {
        let mut ticks = schedule.working_minutes(day).into_iter().step_by(10);
        told.push(ticks.find_map(|tick| turn(&mut monkey, tick, &view)).unwrap_or("the dice say no".to_owned()));
    }
    let drawn: Vec<&str> = texts(WEEK)
        .filter(|text| text.ends_with(" n1") || text.ends_with(" n2") || *text == "the dice say no")
        .collect();
    assert_eq!(drawn, told);
}

/// What the monkey does at a tick, if anything.
fn turn(monkey: &mut Monkey, tick: Timestamp, view: &View) -> Option<String> {
    let entry = monkey.decide(tick, view).into_iter().next()?;
    monkey.remember(&entry);
    let Entry::Will { fault, .. } = entry else { return None };
    Some(format!("{} {}", fault.kind.word(), fault.victim))
}
