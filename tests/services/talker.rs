//! A node that says back what it is asked, and asks another if it is told to: `talker NAME LISTEN [JOIN [WHOM]]`. For tests of
//! nodes as processes.

use std::error::Error;
use std::time::Duration;

use service_framework::cluster::{Node, Payload};

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, listen, rest @ ..] = words.as_slice() else {
        return Err("talker NAME LISTEN [JOIN [WHOM]]".into());
    };
    let node = Node::builder("default")
        .name(name)
        .listen(listen)
        .join(rest.first())
        .insecure()
        .on_request("echo", |_, asked| Ok(asked.payload.clone()))
        .start()?;
    if let Some(whom) = rest.get(1) {
        let to = loop {
            let members = node.members();
            match members.iter().find(|member| member.name == *whom && member.presence.is_there()) {
                Some(member) => break member.node,
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let large = vec![7; 1 << 20];
        let reply = node.request(to, "echo", Payload::raw(&large), PATIENCE)?;
        println!("{} bytes, the same: {}", reply.data.len(), *reply.data == *large);
    }
    loop {
        std::thread::park();
    }
}
