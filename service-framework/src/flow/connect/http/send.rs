//! One attempt at a request: along its redirects, each looked at like the first, to the end of the response.

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST,
    HeaderMap, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
};
use reqwest::{Client, Method, StatusCode, Url};

use axum::body::Bytes;

use super::HttpSettings;
use super::failure::{Failure, of_request};
use super::names::Names;
use super::request::Request;
use super::target::{checked, origin, without_credentials};

/// What requests are sent with.
pub(super) struct Sender<'a> {
    pub(super) client: &'a Client,
    pub(super) names: &'a Names,
    pub(super) settings: &'a HttpSettings,
    /// Whether there are no certificates to trust.
    pub(super) without_roots: bool,
}

/// A whole response. It has not gone through the redactor yet.
pub(super) struct Response {
    pub(super) status: StatusCode,
    /// What the server calls the status.
    pub(super) reason: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Where it came from.
    pub(super) url: Url,
}

/// A request on its way.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Sender<'_> {
    /// Sends a request and follows where it leads.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let mut hop = Hop {
            method: request.method.clone(),
            url: request.target.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        let mut followed = 0;
        loop {
            self.names.check(&hop.url)?;
            let response = self.one(&hop).await?;
            let Some(next) = location(&response, &hop.url) else {
                return self.read(response, hop.url).await;
            };
            if followed == self.settings.redirects {
                let most = self.settings.redirects;
                return Err(Failure::new("OSError", format!("there were more than {most} redirects")));
            }
            followed += 1;
            hop = hop.redirected(response.status(), next?, request.is_body_secret)?;
        }
    }

    async fn one(&self, hop: &Hop) -> Result<reqwest::Response, Failure> {
        let mut url = hop.url.clone();
        let mut headers = hop.headers.clone();
        if let (Some(host), Some(port)) = (url.host_str(), url.port())
            && self.names.mapping(host).is_some_and(|to| to.port() != 0)
            && let Ok(place) = HeaderValue::from_str(&format!("{host}:{port}"))
        {
            // A port in the URL would be preferred to the mapped one; it is only for the server to see.
            headers.insert(HOST, place);
            let _ = url.set_port(None);
        }
        let mut builder = self.client.request(hop.method.clone(), url).headers(headers);
        if let Some(body) = &hop.body {
            builder = builder.body(body.clone());
        }
        builder.send().await.map_err(|error| self.failure(&hop.url, &error))
    }

    /// The response with its body, which is cut off where it is too large.
    async fn read(&self, mut response: reqwest::Response, url: Url) -> Result<Response, Failure> {
        let most = self.settings.response_bytes;
        let too_large = || Failure::value(format!("the body of the response has more than {most} bytes"));
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&url, &error))? {
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        let own = response.extensions().get::<hyper::ext::ReasonPhrase>();
        let own = own.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let reason = own.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned());
        Ok(Response { status, reason, headers: std::mem::take(response.headers_mut()), body, url })
    }

    fn failure(&self, url: &Url, error: &reqwest::Error) -> Failure {
        of_request(url.host_str().unwrap_or_default(), error, self.without_roots)
    }
}

impl Hop {
    /// What is sent after a redirect, as browsers do it; credentials stay with whom they were meant for.
    fn redirected(self, status: StatusCode, url: Url, is_body_secret: bool) -> Result<Self, Failure> {
        let Self { mut method, url: from, mut headers, mut body } = self;
        let becomes_get = match status {
            StatusCode::SEE_OTHER => method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
            _ => false,
        };
        if becomes_get {
            method = Method::GET;
            body = None;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                headers.remove(name);
            }
        }
        if origin(&from) != origin(&url) {
            if body.is_some() && is_body_secret {
                let to = url.host_str().unwrap_or_default();
                return Err(Failure::refused(format!(
                    "the body has secrets in it and does not follow a redirect to {to}"
                )));
            }
            headers = without_secrets(headers);
        }
        Ok(Self { method, url, headers, body })
    }
}

fn without_secrets(headers: HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in &headers {
        if !value.is_sensitive() && ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// Where a response leads, if it is a redirect.
fn location(response: &reqwest::Response, from: &Url) -> Option<Result<Url, Failure>> {
    if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
        return None;
    }
    let location = String::from_utf8_lossy(response.headers().get(LOCATION)?.as_bytes()).into_owned();
    let next = from.join(location.trim()).map_err(|error| error.to_string()).and_then(checked);
    Some(match next {
        Ok(mut url) => {
            without_credentials(&mut url);
            url.set_fragment(None);
            Ok(url)
        }
        Err(why) => Err(Failure::value(format!("the redirect to `{location}` cannot be followed: {why}"))),
    })
}
