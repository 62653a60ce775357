//! Finds armored blocks in a text. Files with keys are written for people too, with names and lists between the blocks,
//! and a parser of OpenPGP takes the first block for all there is.

/// What is in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Keys,
    Signature,
}

impl Block {
    /// As RFC 9580, section 6.2.1, names it.
    fn label(self) -> &'static str {
        match self {
            Self::Keys => "PGP PUBLIC KEY BLOCK",
            Self::Signature => "PGP SIGNATURE",
        }
    }
}

/// The blocks of one kind, and how many begin and do not end.
pub(super) fn blocks(text: &[u8], kind: Block) -> (Vec<String>, usize) {
    // Armor is ASCII; what is around it may be in the encoding of another time.
    let text = String::from_utf8_lossy(text);
    let (begin, end) = ["BEGIN", "END"]
        .map(|word| format!("-----{word} {}-----", kind.label()))
        .into();
    let (mut found, mut open, mut unfinished) = (Vec::new(), None::<String>, 0);
    for line in text.lines().map(str::trim) {
        if line == begin {
            unfinished += usize::from(open.is_some());
            open = Some(String::new());
        }
        if let Some(block) = &mut open {
            block.push_str(line);
            block.push('\n');
        }
        if line == end {
            found.extend(open.take());
        }
    }
    (found, unfinished + usize::from(open.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "-----BEGIN PGP SIGNATURE-----\nComment: one\n\nAAAA\n-----END PGP SIGNATURE-----\n";
    const TWO: &str = "-----BEGIN PGP SIGNATURE-----\n\nBBBB\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn blocks_are_found_between_other_text() {
        let open = "-----BEGIN PGP SIGNATURE-----\n\nCCCC\n";
        let key = TWO.replace("SIGNATURE", "PUBLIC KEY BLOCK");
        for (text, expected, unfinished) in [
            (String::new(), vec![], 0),
            ("<html>".to_owned(), vec![], 0),
            (ONE.to_owned(), vec![ONE], 0),
            (ONE.replace('\n', " \r\n"), vec![ONE], 0),
            (
                format!("pub 4096R\n{ONE}\n{key}sub\n{TWO}"),
                vec![ONE, TWO],
                0,
            ),
            (format!("{open}{TWO}"), vec![TWO], 1),
            (format!("{ONE}{open}"), vec![ONE], 1),
            (format!("-----END PGP SIGNATURE-----\n{ONE}"), vec![ONE], 0),
        ] {
            let found = blocks(text.as_bytes(), Block::Signature);
            let expected: Vec<_> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(found, (expected, unfinished), "{text}");
        }
        let latin = [b"Fran\xe7ois\n", ONE.as_bytes()].concat();
        assert_eq!(blocks(&latin, Block::Signature).0, [ONE]);
    }
}
