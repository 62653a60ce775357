//! Columns and lines that fit a terminal, whatever the texts in them are.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::cli::output::harmless;

/// What stands for the rest of a text that was cut.
const ELLIPSIS: char = '…';
/// What is between two columns.
const GAP: &str = "  ";

/// How the texts of a column stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// To the left, and cut to what the other columns leave of a line: at least the first of these widths, at most the
    /// second.
    Cut(usize, usize),
}

/// A text on one line: blanks of all kinds are one blank, and what a terminal would obey is shown instead.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    harmless(&words.join(" ")).into_owned()
}

/// A path on one line, with every blank that it has.
pub(super) fn path(text: &str) -> String {
    let mut shown = String::new();
    for c in harmless(text).chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            c => shown.push(c),
        }
    }
    shown
}

/// As much of a text as fits into so many columns of a terminal.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut left = width.saturating_sub(1);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else {
            break;
        };
        left = rest;
        cut.push(c);
    }
    let kept = cut.trim_end().len();
    cut.truncate(kept);
    cut.push(ELLIPSIS);
    cut
}

fn pad(text: &str, width: usize, align: Align) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Right => blanks + text,
        Align::Left | Align::Cut(..) => text.to_owned() + &blanks,
    }
}

/// The lines of a table; `width` is how long they may be.
pub(super) fn table<const N: usize>(
    columns: [Align; N],
    rows: &[[String; N]],
    width: Option<usize>,
) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let gaps = GAP.len() * N.saturating_sub(1);
    for (place, column) in columns.iter().enumerate() {
        if let Align::Cut(least, most) = *column {
            let others = widths.iter().sum::<usize>() - widths[place];
            let left = width.map_or(most, |width| width.saturating_sub(others + gaps));
            widths[place] = widths[place].min(left.max(least));
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(columns).zip(widths);
        let cells = cells.map(|((cell, align), width)| pad(&cut(cell, width), width, align));
        let line = cells.collect::<Vec<_>>().join(GAP);
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Lines of a name and a list; what does not fit goes on below the list, and an item is never torn apart.
pub(super) fn list(
    name: &str,
    indent: usize,
    items: &[String],
    width: Option<usize>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = pad(name, indent, Align::Left);
    let mut is_empty = true;
    for (place, item) in items.iter().enumerate() {
        let comma = if place + 1 < items.len() { "," } else { "" };
        let blank = usize::from(!is_empty);
        let needed = line.width() + blank + item.width() + comma.len();
        if !is_empty && width.is_some_and(|width| needed > width) {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(item);
        line.push_str(comma);
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_what_they_take_on_a_terminal() {
        for (text, width, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("two words", 5, "two…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}e\u{301}", 3, "e\u{301}e\u{301}e\u{301}"),
            ("ab", 1, "…"),
            ("ab", 0, "…"),
        ] {
            assert_eq!(cut(text, width), expected, "{text}");
        }
    }

    #[test]
    fn foreign_texts_stay_on_their_line() {
        for (text, title, shown) in [
            ("RUN a \\\n\t&& b", "RUN a \\ && b", "RUN a \\\\n\\t&& b"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a  b ", "a b", "a  b "),
        ] {
            assert_eq!(one_line(text), title);
            assert_eq!(path(text), shown);
        }
    }

    fn rows(titles: &[&str]) -> Vec<[String; 3]> {
        let row = |(place, title): (usize, &&str)| {
            [
                (place + 9).to_string(),
                (*title).to_owned(),
                "own".to_owned(),
            ]
        };
        titles.iter().enumerate().map(row).collect()
    }

    const COLUMNS: [Align; 3] = [Align::Right, Align::Cut(4, 12), Align::Left];

    #[test]
    fn a_table_fits_as_long_as_its_columns_can_be_cut() {
        let titles = ["job", "a very long title", "日本語の表題"];
        let lines = |width| table(COLUMNS, &rows(&titles), width);
        // Nobody says how wide it may be.
        let expected = [
            " 9  job           own",
            "10  a very long…  own",
            "11  日本語の表題  own",
        ];
        assert_eq!(lines(None), expected);
        // There is room for all of it.
        let expected = [
            " 9  job                own",
            "10  a very long title  own",
            "11  日本語の表題       own",
        ];
        assert_eq!(lines(Some(80)), expected);
        let expected = [
            " 9  job       own",
            "10  a very…   own",
            "11  日本語…   own",
        ];
        assert_eq!(lines(Some(17)), expected);
        // Less is of no use to anybody.
        let expected = [" 9  job   own", "10  a v…  own", "11  日…   own"];
        assert_eq!(lines(Some(3)), expected);
        assert_eq!(lines(Some(0)), expected);
        assert!(table(COLUMNS, &[], Some(80)).is_empty());
    }

    #[test]
    fn a_list_goes_on_below_itself_and_keeps_its_items_whole() {
        let items = ["-j CLASS", "-D KEY=VALUE", "-n"].map(ToOwned::to_owned);
        let lines = |width| list("options", 9, &items, width).join("\n");
        assert_eq!(lines(None), "options  -j CLASS, -D KEY=VALUE, -n");
        assert_eq!(
            lines(Some(32)),
            "options  -j CLASS, -D KEY=VALUE,\n         -n"
        );
        assert_eq!(
            lines(Some(1)),
            "options  -j CLASS,\n         -D KEY=VALUE,\n         -n"
        );
        assert_eq!(list("none", 6, &[], Some(80)), ["none  "]);
    }
}
