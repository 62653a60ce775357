//! The manifest of a jar, as the JAR file specification has it
//! (<https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#jar-manifest>).

/// The value of an attribute of the main section; names are compared without case.
///
/// Lines end with CR LF, LF or CR; one that starts with a blank goes on with the line before. Lines are cut at
/// 72 bytes, which may be in the middle of a character, so they are joined as bytes. A value with a control character is
/// none: nothing that is looked for here has one, and it would end up on a terminal.
pub(super) fn attribute(manifest: &[u8], name: &str) -> Option<String> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in split(manifest) {
        match line.split_first() {
            // An empty line ends the main section.
            None => break,
            Some((b' ', rest)) => lines.last_mut()?.extend_from_slice(rest),
            Some(_) => lines.push(line.to_vec()),
        }
    }
    lines.iter().find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (key, value) = (&line[..colon], &line[colon + 1..]);
        if !key.eq_ignore_ascii_case(name.as_bytes()) {
            return None;
        }
        let value = std::str::from_utf8(value).ok()?.trim();
        let usable = !value.is_empty() && !value.contains(char::is_control);
        usable.then(|| value.to_owned())
    })
}

fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = bytes
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at(end);
        bytes = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.get(1..))
            .unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_and_sections_kept_apart() {
        for end in ["\r\n", "\n", "\r"] {
            let text = [
                "Manifest-Version: 1.0",
                "main-class: org.example.averyveryveryveryveryveryveryverylongpack",
                " age.name.of.a.Job",
                "program-class:  ",
                "",
                "Name: org/example/Other.class",
                "Program-Class: org.example.Wrong",
                "",
            ]
            .join(end);
            assert_eq!(
                attribute(text.as_bytes(), "Main-Class").unwrap(),
                "org.example.averyveryveryveryveryveryveryverylongpackage.name.of.a.Job"
            );
            assert_eq!(attribute(text.as_bytes(), "program-class"), None);
        }
    }

    #[test]
    fn odd_manifests_have_no_attributes() {
        for text in [
            "",
            "\n",
            " starts with a blank",
            "no colon\n",
            "Main-Class:\n",
            "Main-Class: \u{1b}[2Jorg.example.Job\n",
            "Main-Class: org.example\0.Job\n",
        ] {
            assert_eq!(attribute(text.as_bytes(), "Main-Class"), None, "{text:?}");
        }
        // A character that is cut by the end of the line.
        let cut = b"Main-Class: J\xc3\r\n \xb6b\r\n";
        assert_eq!(attribute(cut, "Main-Class").unwrap(), "J\u{f6}b");
    }
}
