//! Parts that a program may be built without.

use crate::model::Problem;

/// That a command needs a feature, and how to get it.
pub(crate) fn missing(command: &str, feature: &str) -> Problem {
    let found = format!("a program that was built without the feature `{feature}`");
    Problem::new(command, format!("the feature `{feature}`"), found).with_hint(format!(
        "`cargo install service-framework --features full`, or build with `--features {feature}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_feature_says_how_to_get_it() {
        let problem = missing("store", "programs");
        assert!(problem.to_string().starts_with("store: expected the feature `programs`"), "{problem}");
        assert!(problem.hint.unwrap_or_default().contains("--features full"));
    }
}
