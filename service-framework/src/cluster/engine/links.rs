//! Ways that were lost or are back.

use super::super::links::LinkNews;
use super::super::time::Moment;
use super::super::wire::Body;
use super::{Change, Engine};

impl Engine {
    pub(super) fn settle_links(&mut self, now: Moment) -> bool {
        let news = self.links.take_news();
        let any = !news.is_empty();
        for news in news {
            match news {
                LinkNews::Ping(peer) => {
                    let number = self.dice.next();
                    self.send_directly(peer, Body::Ping(number));
                }
                LinkNews::Unreachable(peer) => {
                    self.tell(Change::Unreachable, peer);
                    self.publish_soon(now);
                }
                LinkNews::Reachable(peer) => {
                    self.tell(Change::Reachable, peer);
                    self.publish_soon(now);
                }
            }
        }
        any
    }
}
