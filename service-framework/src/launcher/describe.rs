//! `describe`: the model of a service, as JSON for programs and as a table for people.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::process::ExitCode;

use super::arguments::Options;
use super::asyncapi::{self, Document};
use super::keys::{Key, keys};
use super::terminal::Palette;
use super::{exit, report};
use crate::model::{Arguments, ConnectionModel, ConnectionType, ServiceModel, Side, StateModel};

/// Prints a model.
pub(crate) fn describe(model: &ServiceModel, options: &Options) -> ExitCode {
    let stdout = std::io::stdout();
    if options.asyncapi {
        return asyncapi::print(&Document::of(model, &[]));
    }
    let text = match stdout.is_terminal() && !options.json {
        true => table(model, options.color.palette(&stdout)),
        false => format!("{:#}\n", model.to_json()),
    };
    report::print(&text, exit::OK)
}

pub(crate) fn table(model: &ServiceModel, palette: Palette) -> String {
    let mut text = format!("{} {}\n", palette.bold(&model.name), palette.dim(&model.version));
    if model.main {
        text.push_str("has a main function (-m)\n");
    }
    if let Some(config) = &model.config {
        heading(&mut text, palette, "config");
        for Key { name, about, help } in keys(config) {
            let _ = writeln!(text, "  {}  {about}", palette.cyan(&name));
            for line in help {
                let _ = writeln!(text, "    {}", palette.dim(&line));
            }
        }
    }
    for side in Side::ALL {
        for connection in model.connections_on(side) {
            describe_connection(&mut text, palette, connection);
        }
        for state in model.states_on(side) {
            describe_state(&mut text, palette, state);
        }
    }
    text
}

fn heading(text: &mut String, palette: Palette, title: &str) {
    let _ = writeln!(text, "\n{}", palette.bold(title));
}

fn describe_connection(text: &mut String, palette: Palette, connection: &ConnectionModel) {
    let ConnectionModel { side, name, kind, .. } = connection;
    heading(text, palette, &format!("{side} {kind} {name}"));
    let (message, answer) = verbs(*kind);
    arguments(text, palette, message, &connection.message());
    if kind.returns() {
        arguments(text, palette, answer, &connection.returns);
    }
    let notes = [
        connection
            .handler
            .as_ref()
            .filter(|handler| *handler != name)
            .map(|handler| format!("handled by {handler}")),
        connection.func_to_call.as_ref().map(|function| format!("calls {function}")),
        connection.topic.as_ref().map(|topic| format!("topic {topic:?}")),
        connection.is_x_pub.then(|| "connects".to_owned()),
        connection.is_binder.then(|| "binds".to_owned()),
    ];
    for note in notes.into_iter().flatten() {
        let _ = writeln!(text, "  {}", palette.dim(&note));
    }
}

/// What the service does with a message and with its answer.
fn verbs(kind: ConnectionType) -> (&'static str, &'static str) {
    match kind {
        ConnectionType::Replyer => ("takes", "returns"),
        ConnectionType::Subscriber => ("takes", ""),
        ConnectionType::Requester | ConnectionType::ExternalRequest => ("sends", "is given"),
        ConnectionType::Publisher => ("sends", ""),
    }
}

fn describe_state(text: &mut String, palette: Palette, state: &StateModel) {
    heading(text, palette, &format!("{} state {} {}", state.side, state.kind, state.name));
    arguments(text, palette, "holds", &state.arguments);
    let notes = [
        state.on_change.as_ref().map(|handler| format!("changes are handled by {handler}")),
        state.topic.as_ref().map(|topic| format!("topic {topic:?}")),
        (!state.topics.is_empty()).then(|| format!("an owner for each topic: {}", state.topics.join(", "))),
        state.local_copy.as_ref().map(|path| format!("keeps a copy in {path}")),
        state.is_x_pub.then(|| "connects".to_owned()),
        state.is_standby.then(|| "stands by for another owner".to_owned()),
        state.conflates.then(|| "sends only the newest of values within 10 ms".to_owned()),
    ];
    for note in notes.into_iter().flatten() {
        let _ = writeln!(text, "  {}", palette.dim(&note));
    }
}

fn arguments(text: &mut String, palette: Palette, verb: &str, arguments: &Arguments) {
    if arguments.is_empty() {
        let _ = writeln!(text, "  {verb:<8}  {}", palette.dim("nothing"));
        return;
    }
    let required = arguments.required.iter().map(|(name, of)| (name, of, ""));
    let optional = arguments.optional.iter().map(|(name, of)| (name, of, " (may be left out)"));
    for (index, (name, of, note)) in required.chain(optional).enumerate() {
        let verb = if index == 0 { verb } else { "" };
        let _ = writeln!(text, "  {verb:<8}  {} {of}{}", palette.cyan(name), palette.dim(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConfigModel, Type};
    use std::time::Duration;

    #[test]
    fn a_person_reads_a_table() {
        let config = ConfigModel::new()
            .requires("symbol", Type::Str)
            .optional("patience", Type::TimeDelta, Duration::from_secs(5))
            .optional("venue", Type::Str, "kraken")
            .optional_without_default("limits", Type::List(Box::new(Type::Float)))
            .help("patience", "How long the venue may take.\nAn order that takes longer is cancelled.");
        let model = ServiceModel {
            name: "order_desk".to_owned(),
            version: "1.2.0".to_owned(),
            main: true,
            config: Some(config),
            connections: vec![
                ConnectionModel::replyer("cancel")
                    .requires("order_id", Type::Str)
                    .optional("reason", Type::Str)
                    .returns("filled", Type::Decimal)
                    .handler("on_cancel"),
                ConnectionModel::publisher("trades").topic("btc").connects(),
            ],
            states: vec![
                StateModel::delta_in("prices", Type::map(Type::Str, Type::Float))
                    .optional("venue", Type::Str)
                    .on_change("on_prices")
                    .local_copy("/var/lib/desk/prices"),
                StateModel::delta_in("books", Type::Any).topics(["eu", "us"]),
                StateModel::delta_out("book", Type::Any).topic("eu").stands_by(),
                StateModel::full_out("settings").requires("mode", Type::Str).connects().conflates(),
            ],
            ..ServiceModel::default()
        };
        insta::assert_snapshot!(table(&model, Palette::PLAIN), @r#"
        order_desk 1.2.0
        has a main function (-m)

        config
          symbol  str, required
          patience  timedelta [PT5S]
            How long the venue may take.
            An order that takes longer is cancelled.
          venue  str [kraken]
          limits  ["list","float"]

        in replyer cancel
          takes     order_id str
                    reason str (may be left out)
          returns   filled Decimal
          handled by on_cancel

        in state delta_update prices
          holds     state ["map","str","float"]
                    venue str (may be left out)
          changes are handled by on_prices
          keeps a copy in /var/lib/desk/prices

        in state delta_update books
          holds     state any
          an owner for each topic: eu, us

        out publisher trades
          sends     nothing
          topic "btc"
          connects

        out state delta_update book
          holds     state any
          topic "eu"
          stands by for another owner

        out state full_update settings
          holds     mode str
          connects
          sends only the newest of values within 10 ms
        "#);
    }
}
