//! Each state as it was at the end.

use serde_json::json;

use super::{ShowError, Shown, print};
use crate::launcher::recordings::chosen::cell;

pub(super) fn show(shown: &Shown<'_>) -> Result<(), ShowError> {
    for (service, connection) in shown.recording.states(&shown.filter)? {
        let Some(state) = shown.recording.state_at_end(&service, &connection)? else { continue };
        let value = state.value.to_json();
        let text = if shown.is_json {
            let line = json!({
                "service": &*service,
                "connection": &*connection,
                "number": state.number,
                "epoch": state.epoch,
                "missing": state.missing,
                "state": value,
            });
            format!("{line}\n")
        } else {
            let number = state.number.map(|number| format!(", number {number}")).unwrap_or_default();
            let missing = match state.missing {
                0 => String::new(),
                missing => shown.palette.red(&format!(", {missing} updates are missing")),
            };
            let name = format!("{} {}", cell(&service), cell(&connection));
            format!("{}{number}{missing}\n{value:#}\n", shown.palette.bold(&name))
        };
        print(&text)?;
    }
    Ok(())
}
