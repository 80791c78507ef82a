//! What a model says of a delta state, compiled.

use crate::model::{Arguments, Checker, Problem, StateModel, Type};

/// The checks of one delta state.
#[derive(Debug)]
pub(crate) struct DeltaRules {
    /// The arguments of an update, as they come in.
    pub(crate) update: Checker,
    /// Keys and values, nil for what is deleted.
    pub(crate) changes: Checker,
    /// Keys and values alone, as of a snapshot.
    pub(crate) whole: Checker,
    /// The arguments that travel with an update.
    pub(crate) others: Checker,
    /// Whether there are any that must.
    pub(crate) needs_others: bool,
}

impl DeltaRules {
    /// Compiles a model.
    ///
    /// # Errors
    /// What is wrong with its types.
    pub(crate) fn compile(model: &StateModel) -> Result<Self, Vec<Problem>> {
        let is_other = |(name, _): &&(String, Type)| name != "state";
        let pick = |table: &[(String, Type)]| table.iter().filter(is_other).cloned().collect();
        let others = Arguments {
            required: pick(&model.arguments.required),
            optional: pick(&model.arguments.optional),
        };
        let of = model.arguments.get("state").unwrap_or(&Type::Any);
        Ok(Self {
            update: Checker::of_update(model)?,
            changes: Checker::of_keys(of, true, "state")?,
            whole: Checker::of_keys(of, false, "state")?,
            needs_others: !others.required.is_empty(),
            others: Checker::compile(&others)?,
        })
    }
}
