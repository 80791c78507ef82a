//! Specs of programs: any text is a spec or has problems; a spec is written so that it is read again as it was, and can be
//! drawn in every way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_framework::program::graph::{self, Format};
use service_framework::program::spec::Spec;

fuzz_target!(|text: &str| {
    match Spec::from_text(text) {
        Ok(spec) => {
            let again = Spec::from_json(&spec.to_json());
            assert_eq!(again.as_ref().map(Spec::fingerprint), Ok(spec.fingerprint()));
            assert_eq!(again, Ok(spec.clone()));
            let all: Vec<usize> = (0..spec.programs().len()).collect();
            for format in Format::ALL {
                assert!(all.is_empty() || !graph::draw(&spec, &all, format).is_empty());
            }
            assert_eq!(graph::to_json(&spec, &all).as_array().map(Vec::len), Some(all.len()));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a problem");
            assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
});
