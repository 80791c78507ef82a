//! Whether the scripts of flows are what was started.

use std::collections::HashMap;

use super::errors::FlowError;
use super::flows::Flows;
use super::stream::source;
use crate::store::Error as StoreError;

/// How many flows are looked at together.
const PAGE: usize = 1000;

impl Flows {
    /// The flows whose scripts are missing or other than they were, each with what is wrong. Whose first event is damaged is left
    /// out: the store's own look finds that.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn damaged_scripts(&self) -> Result<Vec<(String, String)>, FlowError> {
        let (mut damaged, mut known, mut after) = (Vec::new(), HashMap::new(), None::<String>);
        loop {
            let page = self.list(None, after.as_deref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(damaged) };
            after = Some(last.id.clone());
            for info in &page {
                let Ok(started) = self.started(&info.id) else { continue };
                for hash in started.sources() {
                    let problem = match known.get(hash) {
                        Some(problem) => Clone::clone(problem),
                        None => known.entry(hash.clone()).or_insert(self.problem_of(hash)?).clone(),
                    };
                    damaged.extend(problem.map(|problem: String| (info.id.clone(), problem)));
                }
            }
        }
    }

    fn problem_of(&self, hash: &str) -> Result<Option<String>, FlowError> {
        match source(self.store(), hash) {
            Ok(Some(_)) => Ok(None),
            Ok(None) => Ok(Some(format!("its script {hash} is missing"))),
            Err(StoreError::Damaged { .. }) => Ok(Some(format!("its script {hash} is not what was started"))),
            Err(error) => Err(error.into()),
        }
    }
}
