//! The words of a text, counted by as many instances of one service as there are: whoever asks finds them by its name.
//!
//!     service_framework node
//!     cargo run --features cluster --example words -- -s counter -a addresses/clusters/words.json      # as often as you like
//!     cargo run --features cluster --example words -- -s reader -m -a addresses/clusters/words.json --text LICENSE-APACHE
//!     service_framework cluster services
//!     service_framework cluster map get counter/work
//!
//! All have the same addresses file. An instance that is killed costs no request, one that is started later gets its share,
//! and how much each has done is known to all of them, also after its end.

use std::collections::BTreeMap;
use std::path::Path;

use service_framework::prelude::*;

#[derive(Message)]
struct Paragraph {
    text: String,
}

#[derive(Message)]
struct Words {
    words: BTreeMap<String, u64>,
    /// The instance that has counted them.
    by: String,
}

#[derive(Links)]
struct Counter {
    /// How many paragraphs each instance has counted. The cluster has it: `share` in the addresses file.
    work: DeltaOut<u64>,
}

fn count(paragraph: Paragraph, counter: Counter) -> Result<Words> {
    let mut words = BTreeMap::new();
    for word in paragraph.text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
    {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    let by = std::process::id().to_string();
    let done = counter.work.get(&by)?.unwrap_or(0);
    counter.work.set(&by, done + 1)?;
    Ok(Words { words, by })
}

#[derive(Config)]
struct Reading {
    /// The file with the text.
    text: String,
    /// The text is read again and again until there is such a file.
    until: Option<String>,
    /// How long one paragraph may take.
    #[config(default = "5s")]
    patience: Duration,
}

#[derive(Links)]
struct Counters {
    #[links(idempotent)]
    count: Requester<Paragraph, Words>,
}

async fn read(counters: Counters, reading: Reading) -> Result {
    let text = std::fs::read_to_string(&reading.text)?;
    let (mut words, mut work) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let mut is_first = true;
    loop {
        let paragraphs = text.split("\n\n").map(str::trim).filter(|text| !text.is_empty());
        let asked: Vec<_> = paragraphs
            .map(|text| {
                counters.count.request(Paragraph { text: text.to_owned() }).within(reading.patience).start()
            })
            .collect();
        for counted in asked {
            let counted = counted.await?;
            counted.words.into_iter().for_each(|(word, count)| *words.entry(word).or_default() += count);
            *work.entry(counted.by).or_default() += 1;
        }
        if std::mem::take(&mut is_first) {
            println!("the text was read once");
        }
        if reading.until.as_ref().is_none_or(|file| Path::new(file).exists()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut most: Vec<_> = words.into_iter().collect();
    most.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), word.clone()));
    for (word, count) in most.iter().take(5) {
        println!("{word}: {count}");
    }
    for (instance, paragraphs) in work {
        println!("{paragraphs} paragraphs by {instance}");
    }
    Ok(())
}

fn main() -> ExitCode {
    let counter = Service::new("counter").replyer("count", count);
    service_framework::run([counter, Service::new("reader").main(read)])
}
