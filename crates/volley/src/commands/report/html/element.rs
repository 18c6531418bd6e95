//! The page's building blocks. Whatever comes from outside is escaped by whoever puts it in.

use std::fmt::Write as _;

/// So many rows are found at a glance; from more on a table can be searched.
const SEARCHED_FROM_ROWS: usize = 8;

/// Text as it may stand between tags and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// A part of the page under a heading.
pub(super) fn section(title: &str, content: &str) -> String {
    format!("<section><h3>{}</h3>\n{content}</section>\n", escaped(title))
}

/// How a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Start,
    End,
}

pub(super) struct Column {
    name: String,
    align: Align,
}

impl Column {
    pub(super) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::Start,
        }
    }

    pub(super) fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::End,
        }
    }
}

/// A table with a caption, which scrolls by itself where it is too wide.
pub(super) struct Table {
    caption: String,
    columns: Vec<Column>,
    rows: String,
    count: usize,
}

impl Table {
    pub(super) fn new(caption: &str, columns: impl Into<Vec<Column>>) -> Self {
        Self {
            caption: caption.to_owned(),
            columns: columns.into(),
            rows: String::new(),
            count: 0,
        }
    }

    /// A row of HTML, a cell a column; the first one is its heading.
    pub(super) fn row(&mut self, cells: &[String]) {
        self.count += 1;
        self.rows.push_str("<tr>");
        for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            let tag = if at == 0 { "th scope=\"row\"" } else { "td" };
            let class = class(column.align);
            let _ = write!(self.rows, "<{tag}{class}>{cell}</{}>", &tag[..2]);
        }
        self.rows.push_str("</tr>\n");
    }

    pub(super) fn html(&self) -> String {
        let mut out = String::new();
        let caption = escaped(&self.caption);
        if self.count >= SEARCHED_FROM_ROWS {
            let _ = writeln!(
                out,
                "<p class=\"search\"><label>Search this table <input type=\"search\" data-search></label> \
                 <output role=\"status\"></output></p>"
            );
        }
        let _ = writeln!(
            out,
            "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table><caption>{caption}</caption>"
        );
        out.push_str("<thead><tr>");
        for column in &self.columns {
            let _ = write!(
                out,
                "<th scope=\"col\"{}>{}</th>",
                class(column.align),
                escaped(&column.name)
            );
        }
        let _ = writeln!(out, "</tr></thead>\n<tbody>\n{}</tbody></table></div>", self.rows);
        out
    }
}

fn class(align: Align) -> &'static str {
    match align {
        Align::Start => "",
        Align::End => " class=\"n\"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text() {
        assert_eq!(
            escaped("<b a='1' c=\"2\">&"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;"
        );
        let columns = [Column::text("A"), Column::number("B")];
        let mut table = Table::new("C", columns);
        table.row(&[escaped("<script>"), "1".to_owned()]);
        assert!(!table.html().contains("<script>"));
    }
}
