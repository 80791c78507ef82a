//! Correlation: which request a reply answers.

/// The first byte of every correlation frame: no such frame is empty, nor taken for another peer's.
const MARK: u8 = 0xc5;

/// The number of a request, sent as a frame before the empty delimiter.
///
/// Any replyer, an original one too, echoes all frames before the first empty one; so a reply says which request
/// it answers, and a late one is known as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Correlation(pub u64);

impl Correlation {
    /// The frame, which is never empty.
    #[must_use]
    pub fn to_frame(self) -> [u8; 9] {
        let mut frame = [MARK; 9];
        frame[1..].copy_from_slice(&self.0.to_be_bytes());
        frame
    }

    /// The number in a frame; `None` if we have not made that frame.
    #[must_use]
    pub fn from_frame(frame: &[u8]) -> Option<Self> {
        let (mark, number) = frame.split_first()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        (*mark == MARK).then_some(Self(number))
    }
}

#[cfg(test)]
mod tests {
    use super::Correlation;

    #[test]
    fn a_number_comes_back_from_its_frame() {
        for number in [0, 1, u64::MAX] {
            let frame = Correlation(number).to_frame();
            assert_eq!(Correlation::from_frame(&frame), Some(Correlation(number)));
        }
    }

    #[test]
    fn a_frame_of_others_has_no_number() {
        let ours = Correlation(7).to_frame();
        assert_eq!(Correlation::from_frame(b""), None);
        assert_eq!(Correlation::from_frame(&ours[..8]), None);
        assert_eq!(Correlation::from_frame(&[0; 9]), None);
    }
}
