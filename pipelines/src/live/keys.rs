//! Which pictures of the rungs are key pictures.

use pipeline_wire::KeyRule;

use crate::failure::{GraphError, Result};

/// Decides picture by picture, in presentation order.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// Those of the source.
    AsSource,
    /// The first in each group of so many ticks from tick zero.
    Every {
        /// Length of a group.
        ticks: i64,
        /// The group that was opened last.
        last: Option<i64>,
    },
}

impl Keys {
    /// Decides by `rule`, at `frame_ticks` from picture to picture.
    ///
    /// # Errors
    /// When a group would have no length.
    pub fn new(rule: KeyRule, frame_ticks: u32) -> Result<Self> {
        match rule {
            KeyRule::AsSource => Ok(Self::AsSource),
            KeyRule::Every { frames } => match i64::from(frames) * i64::from(frame_ticks) {
                ticks @ 1.. => Ok(Self::Every { ticks, last: None }),
                _ => Err(GraphError::internal("the spec asks for groups without pictures")),
            },
        }
    }

    /// Whether the picture at `pts` is one; `source` says whether the source's is.
    pub fn is_key(&mut self, pts: i64, source: bool) -> bool {
        match self {
            Self::AsSource => source,
            Self::Every { ticks, last } => {
                let group = pts.div_euclid(*ticks);
                last.replace(group) != Some(group)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rule: KeyRule, pictures: &[(i64, bool)]) -> Vec<i64> {
        let mut keys = Keys::new(rule, 10).expect("a rule");
        pictures.iter().filter(|(pts, source)| keys.is_key(*pts, *source)).map(|(pts, _)| *pts).collect()
    }

    #[test]
    fn the_source_decides_or_the_grid_does() {
        let pictures: Vec<(i64, bool)> = (-3..10).map(|n| (n * 10, n % 4 == 0)).collect();
        assert_eq!(keys(KeyRule::AsSource, &pictures), [0, 40, 80]);
        assert_eq!(keys(KeyRule::Every { frames: 3 }, &pictures), [-30, 0, 30, 60, 90]);
    }

    #[test]
    fn a_group_whose_first_picture_is_lost_opens_with_the_next() {
        assert_eq!(
            keys(KeyRule::Every { frames: 3 }, &[(0, true), (40, false), (50, false), (90, false)]),
            [0, 40, 90]
        );
        assert!(Keys::new(KeyRule::Every { frames: 0 }, 10).is_err());
    }
}
