//! Services and programs under test: starting them, asking them, reading what they say.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;

use serde_json::Value as Json;
use service_framework::Value;
use service_framework::model::{ConnectionModel, ServiceModel, Side};
use service_framework::prelude::{BlockingToSend, SendError, Service};
use service_framework::service::{Start, Started};
use tempfile::NamedTempFile;

/// An addresses file, which goes away.
fn file(addresses: &Json) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(addresses.to_string().as_bytes()).unwrap();
    file
}

/// What a service in this process answers.
pub(crate) fn ask(service: &Started, connection: &str, args: Json) -> Result<Json, SendError> {
    let address = service.address(connection).unwrap();
    ask_at(address, service.model(), connection, args)
}

/// What is answered at an address, by a service with this model.
fn ask_at(address: &str, model: &ServiceModel, connection: &str, args: Json) -> Result<Json, SendError> {
    let there = model.connection(Side::In, connection).unwrap();
    let (arguments, returns) = (there.arguments.clone(), there.returns.clone());
    let requester = ConnectionModel { arguments, returns, ..ConnectionModel::requester("ask") };
    let (tell, told) = channel();
    let main = move |to_send: BlockingToSend| {
        tell.send(to_send.request::<Value>("ask", Value::from_json(&args).unwrap()).wait())?;
        Ok(())
    };
    let asker = Service::new("asker").connection(requester).main(main);
    Start::new(asker).address("ask", address).main_mode().start().unwrap().join().unwrap();
    told.recv().unwrap().map(|answer| answer.to_json())
}

/// What a program prints that has these addresses; it has to end well.
pub(crate) fn output(command: &mut Command, addresses: &Json) -> String {
    let file = file(addresses);
    let output = command.arg("-a").arg(file.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A program that runs until nobody needs it.
pub(crate) struct Program {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    address: Option<String>,
    _addresses: NamedTempFile,
}

impl Program {
    /// A port `*` among the addresses is one of the system's.
    pub(crate) fn start(command: &mut Command, addresses: &Json) -> Self {
        let file = file(addresses);
        command.arg("-a").arg(file.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, log, address: None, _addresses: file }
    }

    /// Where its one socket listens.
    pub(crate) fn address(&mut self) -> String {
        if let Some(address) = &self.address {
            return address.clone();
        }
        let mut lines = Vec::new();
        for line in self.log.by_ref().map(Result::unwrap) {
            if let (true, Some((_, address))) = (line.contains("listening"), line.split_once("address=")) {
                return self.address.insert(address.to_owned()).clone();
            }
            lines.push(line);
        }
        panic!("it does not listen: {lines:?}")
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.out.next().unwrap().unwrap()
    }

    /// What it answers, if this is its model.
    pub(crate) fn ask(&mut self, model: &str, connection: &str, args: Json) -> Result<Json, SendError> {
        let mut json: Json = serde_json::from_str(model).unwrap();
        json.as_object_mut().unwrap().remove("command");
        let model = ServiceModel::from_json(&json, None).unwrap();
        ask_at(&self.address(), &model, connection, args)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
