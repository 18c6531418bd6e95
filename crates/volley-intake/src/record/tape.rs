//! The reader of any shape: simd-json's tape, with tape and buffers reused.
//!
//! It reads a copy of the line, since simd-json writes unescaped strings over its input, and the rejection and the
//! last reader need the original. What it is not sure of it leaves to the last reader, by `None`.

use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

use super::{FieldNames, KEYS, Kind, Record};

pub(super) struct TapeReader {
    /// The line, and the padding simd-json asks for behind it.
    copy: Vec<u8>,
    buffers: Buffers,
    /// Empty between lines; kept for its allocation.
    tape: Tape<'static>,
}

impl TapeReader {
    pub(super) fn new() -> Self {
        Self {
            copy: Vec::new(),
            buffers: Buffers::default(),
            tape: Tape(Vec::new()),
        }
    }

    /// The line's record; `None` where the other reader has to look.
    pub(super) fn read<'copy>(&'copy mut self, line: &[u8], names: &FieldNames) -> Option<Record<'copy>> {
        self.copy.clear();
        self.copy.extend_from_slice(line);
        self.copy.extend_from_slice(&[0; INPUT_PADDING]);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed = simd_json::fill_tape_padded(&mut self.copy, line.len(), &mut self.buffers, &mut tape);
        let record = if parsed.is_ok() {
            walk(&tape.0, names)
        } else {
            None
        };
        self.tape = tape.reset();
        record
    }
}

fn walk<'copy>(nodes: &[Node<'copy>], names: &FieldNames) -> Option<Record<'copy>> {
    let Some(Node::Object { len, .. }) = nodes.first() else {
        return None;
    };
    let mut record = Record::EMPTY;
    let mut seen = [false; KEYS];
    let mut next = 0;
    let mut at = 1;
    for _ in 0..*len {
        let (Node::String(key), value) = (nodes.get(at)?, nodes.get(at + 1)?) else {
            return None;
        };
        at += 1 + breadth(value);
        let Some(place) = names.place(key, next) else {
            continue;
        };
        if std::mem::replace(&mut seen[place], true) {
            return None;
        }
        next = place + 1;
        match *value {
            Node::Static(StaticNode::Null) => {}
            Node::String(text) => record.set(place, Kind::Text, text.into()),
            _ => return None,
        }
    }
    Some(record)
}

/// How many nodes a value takes.
fn breadth(value: &Node<'_>) -> usize {
    match value {
        Node::Object { count, .. } | Node::Array { count, .. } => 1 + count,
        Node::String(_) | Node::Static(_) => 1,
    }
}
