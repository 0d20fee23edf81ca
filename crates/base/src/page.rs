//! Cursor paging.

use serde::{Deserialize, Serialize};

/// Which slice of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many items at most, 1 to [`PageRequest::LIMIT_MAX`].
    pub limit: u32,
    /// The cursor of the previous page's end; `None` starts at the beginning.
    pub after: Option<String>,
}

impl PageRequest {
    /// The largest page served.
    pub const LIMIT_MAX: u32 = 200;
    /// The page size when none is asked for.
    pub const LIMIT_DEFAULT: u32 = 50;

    /// A request with `limit` brought into range.
    #[must_use]
    pub fn new(limit: Option<u32>, after: Option<String>) -> Self {
        Self { limit: limit.unwrap_or(Self::LIMIT_DEFAULT).clamp(1, Self::LIMIT_MAX), after }
    }
}

/// A slice of a list and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, in list order.
    pub items: Vec<T>,
    /// The cursor to pass as `after`; absent on the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The first `limit` of `items`, of which one more was looked for than fits, with `cursor` of the last one
    /// where more follow.
    pub fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }

    /// The same page with every item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_where_it_is_full_and_says_where_the_next_begins() {
        let cut = |items: &[u8]| Page::cut(items.to_vec(), 2, u8::to_string);
        assert_eq!(cut(&[1, 2, 3]), Page { items: vec![1, 2], next: Some("2".to_owned()) });
        assert_eq!(cut(&[1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(cut(&[]), Page { items: vec![], next: None });
    }
}
