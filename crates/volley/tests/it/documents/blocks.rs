//! A document taken apart: what is prose, what is a fenced block, and which block tells the output of which.
//!
//! Not here: what a block does ([`session`](super::session), [`queries`](super::queries)).

use std::fs;

use super::documents;
use super::redaction::redacted;

/// A document, and what its blocks printed when they were run.
pub(super) struct Document {
    name: String,
    parts: Vec<Part>,
    outputs: Vec<Output>,
}

enum Part {
    Prose(String),
    Fence(Fence),
}

/// A fenced block.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    /// Where it stands among the parts.
    pub(super) place: usize,
    /// What stands behind its opening fence.
    pub(super) info: String,
    pub(super) body: String,
}

/// What a block has printed.
struct Output {
    place: usize,
    text: String,
}

impl Document {
    /// A document of `docs/`.
    pub(super) fn read(name: &str) -> Self {
        let text =
            fs::read_to_string(documents().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self {
            name: name.to_owned(),
            parts: taken_apart(&text),
            outputs: Vec::new(),
        }
    }

    /// Its fenced blocks, in their order.
    pub(super) fn fences(&self) -> impl Iterator<Item = &Fence> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fence(fence) => Some(fence),
            Part::Prose(_) => None,
        })
    }

    /// The bodies of the blocks of one kind.
    pub(super) fn bodies<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let fences = self.fences().filter(move |fence| fence.info == kind);
        fences.map(|fence| fence.body.as_str())
    }

    /// Keeps what a block printed.
    pub(super) fn printed(&mut self, place: usize, text: String) {
        self.outputs.push(Output { place, text });
    }

    /// Asserts that each block printed what the document says; or, with `UPDATE_DOCS`, has it say so.
    #[track_caller]
    pub(super) fn check(mut self) {
        let update = std::env::var_os("UPDATE_DOCS").is_some();
        let all = self
            .fences()
            .filter(|fence| ["sh", "sql", "python"].contains(&&*fence.info));
        let all_ran = self.outputs.len() == all.count();
        let mut told = 0;
        for output in std::mem::take(&mut self.outputs) {
            let name = self.name.clone();
            let Some(block) = self.told_of(output.place) else {
                let body = self.body_of(output.place);
                assert_eq!(output.text, "", "{name}: a text block is missing behind:\n{body}");
                continue;
            };
            told += 1;
            if redacted(&block.body) == redacted(&output.text) {
                continue;
            }
            if update {
                block.body = output.text;
                continue;
            }
            let (told, printed) = (block.body.clone(), output.text);
            let body = self.body_of(output.place);
            panic!(
                "{name} is not held; after\n{body}--- it says\n{told}--- and this is printed \
                 (UPDATE_DOCS=1 writes it there)\n{printed}"
            );
        }
        let texts = self.bodies("text").count();
        // Fewer only where the machine lacks what would print them, which was said.
        assert!(
            !all_ran || told == texts,
            "{}: {told} outputs of {texts}",
            self.name
        );
        if update {
            fs::write(documents().join(&self.name), self.put_together()).expect("the document");
        }
    }

    /// The block that tells what the block at this place prints: the next one, with nothing but prose in between.
    fn told_of(&mut self, place: usize) -> Option<&mut Fence> {
        let behind = self.parts.iter_mut().skip(place + 1);
        let mut fences = behind.filter_map(|part| match part {
            Part::Fence(fence) => Some(fence),
            Part::Prose(_) => None,
        });
        fences.next().filter(|fence| fence.info == "text")
    }

    fn body_of(&self, place: usize) -> &str {
        match &self.parts[place] {
            Part::Fence(fence) => &fence.body,
            Part::Prose(prose) => prose,
        }
    }

    fn put_together(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Prose(prose) => prose.clone(),
            Part::Fence(Fence { info, body, .. }) => format!("```{info}\n{body}```\n"),
        });
        parts.collect()
    }
}

/// Fences stand at the beginning of a line; an indented one would be taken for prose, and is refused.
fn taken_apart(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut prose = String::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            assert!(!line.trim_start().starts_with("```"), "an indented block: {line}");
            prose.push_str(line);
            continue;
        };
        parts.push(Part::Prose(std::mem::take(&mut prose)));
        let body = lines.by_ref().take_while(|line| *line != "```\n").collect();
        parts.push(Part::Fence(Fence {
            place: parts.len(),
            info: info.trim_end().to_owned(),
            body,
        }));
    }
    parts.push(Part::Prose(prose));
    parts
}

#[test]
fn a_document_is_put_together_as_it_was() {
    for name in super::HELD {
        let text = fs::read_to_string(documents().join(name)).expect("a document");
        assert_eq!(Document::read(name).put_together(), text, "{name}");
    }
}
