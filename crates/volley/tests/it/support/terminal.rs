//! A terminal of a test's own: what a person in front of it would see.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// All that a terminal of this width was sent while the program ran in it.
pub(crate) struct Recording {
    pub(crate) status: ExitStatus,
    /// With its control sequences.
    pub(crate) raw: String,
}

/// Runs a command with its three streams on a terminal of so many columns.
pub(crate) fn record(mut command: Command, columns: u16) -> Recording {
    let (ours, theirs) = open(columns);
    let end = || theirs.try_clone().expect("a descriptor");
    command.stdin(end()).stdout(end()).stderr(end());
    let mut child = command.spawn().expect("the program");
    // The last ends of theirs go with the program: then reading ends.
    drop(command);
    drop(theirs);
    let reader = thread::spawn(move || {
        let mut ours = File::from(ours);
        let mut bytes = Vec::new();
        let mut block = [0; 4096];
        // A terminal that nobody has open any more is a failure to read, on Linux.
        while let Ok(length @ 1..) = ours.read(&mut block) {
            bytes.extend_from_slice(&block[..length]);
        }
        bytes
    });
    let bytes = reader.join().expect("a reader");
    Recording {
        status: child.wait().expect("a child"),
        raw: String::from_utf8(bytes).expect("output in UTF-8"),
    }
}

/// A program whose stderr is a terminal that nobody reads, as behind Ctrl-S; its stdout is read.
pub(crate) struct Held {
    child: Child,
    _ours: OwnedFd,
}

impl Held {
    pub(crate) fn start(mut command: Command) -> Self {
        let (ours, theirs) = open(80);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(theirs);
        Self {
            child: command.spawn().expect("the program"),
            _ours: ours,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).expect("a process of our own");
    }

    /// How it ended, and what it said on stdout.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        let mut stdout = self.child.stdout.take().expect("a pipe");
        stdout.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("a child"), said)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(columns: u16) -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("the right to it");
    unlockpt(&ours).expect("its lock");
    let name = ptsname(&ours, Vec::new()).expect("its name");
    let theirs =
        rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&theirs, size).expect("its size");
    (ours, theirs)
}

/// A screen without end downwards: where text stands after carriage returns, line feeds, and the cursor's moves and clearings
/// that are used here; any other sequence fails the test. A full row goes on in the next once there is more, as in terminals.
pub(crate) struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// What stood there each time before the cursor went up.
    pub(crate) frames: Vec<String>,
}

impl Screen {
    /// What stands there after all that was sent.
    pub(crate) fn after(raw: &str, columns: u16) -> Self {
        let mut screen = Self {
            columns: columns.into(),
            rows: Vec::new(),
            row: 0,
            column: 0,
            frames: Vec::new(),
        };
        let mut characters = raw.chars();
        while let Some(character) = characters.next() {
            match character {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\x1b' => screen.obey(&mut characters),
                _ => screen.put(character),
            }
        }
        screen
    }

    /// The rows, without what is empty at their ends.
    pub(crate) fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| row.iter().collect::<String>());
        let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    fn put(&mut self, character: char) {
        if self.column == self.columns {
            self.column = 0;
            self.row += 1;
        }
        if self.rows.len() <= self.row {
            self.rows.resize(self.row + 1, Vec::new());
        }
        let row = &mut self.rows[self.row];
        if row.len() <= self.column {
            row.resize(self.column + 1, ' ');
        }
        row[self.column] = character;
        self.column += 1;
    }

    fn obey(&mut self, characters: &mut impl Iterator<Item = char>) {
        assert_eq!(characters.next(), Some('['), "a control sequence");
        let mut number = String::new();
        let command = loop {
            match characters.next().expect("the end of a control sequence") {
                digit if digit.is_ascii_digit() || digit == '?' => number.push(digit),
                command => break command,
            }
        };
        let count = number.parse().unwrap_or(1);
        match command {
            'A' => {
                self.frames.push(self.text());
                self.row = self.row.saturating_sub(count);
            }
            'B' => self.row += count,
            'G' => self.column = count - 1,
            'K' => {
                if let Some(row) = self.rows.get_mut(self.row) {
                    row.truncate(if number == "2" { 0 } else { self.column });
                }
            }
            // The cursor shown or hidden.
            'h' | 'l' => {}
            other => panic!("the screen does not know {number}{other}"),
        }
    }
}
