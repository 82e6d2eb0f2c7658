//! Names of people, first and last, and the one comparison of those that Freeside has with those that MagicMail has:
//! of an audit, of the page of a service, and of a customer who was renamed. Pure.

/// First and last name.
pub type Names = (String, String);

/// The whole name in one line, as people read it.
pub fn whole(names: &Names) -> String {
    let words = names.0.split_whitespace().chain(names.1.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}

/// Whether both are the same name, wherever it is divided and whatever white space is in it.
pub fn are_same(one: &Names, other: &Names) -> bool {
    whole(one) == whole(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(first: &str, last: &str) -> Names {
        (first.to_owned(), last.to_owned())
    }

    #[test]
    fn a_name_is_the_same_wherever_it_is_divided() {
        assert!(are_same(&names("Ann Mary", "Lee"), &names("Ann", " Mary  Lee")));
        assert!(!are_same(&names("Ann", "Lee"), &names("Ann", "Roe")));
        assert!(!are_same(&names("Ann", "Lee"), &names("Ann", "lee")));
        assert!(are_same(&names("", ""), &names(" ", "")));
    }
}
