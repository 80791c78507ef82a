//! Model files: any JSON is a model or has problems, and a model is described so that it is read again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_framework::model::ServiceModel;

fuzz_target!(|text: &str| {
    let Ok(json) = serde_json::from_str(text) else { return };
    match ServiceModel::from_json(&json, Some("model.json")) {
        Ok(model) => {
            assert_eq!(model.problems(), []);
            // Compared as JSON, because NaN, which a default may be, equals nothing.
            let described = model.to_json();
            assert_eq!(ServiceModel::from_json(&described, None).map(|model| model.to_json()), Ok(described));
        }
        Err(problems) => assert!(!problems.is_empty(), "refused without a problem"),
    }
});
