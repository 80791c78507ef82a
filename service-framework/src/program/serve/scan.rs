//! Where a JSON value ends in bytes that come piece by piece.

/// Looks for the end of the first object; told every byte once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    depth: usize,
    is_in_text: bool,
    is_escaped: bool,
    seen: usize,
}

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing but whitespace, or an object that has not ended.
    Part,
    /// An object that ends before this byte.
    Whole(usize),
    /// Something that is no object from its first byte on.
    Other,
}

impl Scan {
    /// Looks at the bytes that were not looked at yet.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Seen {
        while let Some(&byte) = bytes.get(self.seen) {
            self.seen += 1;
            if self.depth == 0 && byte != b'{' {
                if byte.is_ascii_whitespace() {
                    continue;
                }
                return Seen::Other;
            }
            if self.ends_with(byte) {
                return Seen::Whole(self.seen);
            }
        }
        Seen::Part
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_text => self.is_escaped = true,
            b'"' => self.is_in_text = !self.is_in_text,
            _ if self.is_in_text => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}
