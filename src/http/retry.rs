//! When a request is worth another try, and how long to wait for it.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use tokio::time::Instant;

use super::tls_failure;

/// How often, how patiently and for how long a request is repeated.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// How often a request is sent at most; 1 means no second try.
    pub attempts: usize,
    /// The first pause; each further one is twice as long, and all are stretched at random up to twofold so
    /// that many clients do not come back together.
    pub base_delay: Duration,
    /// The longest pause, unless the server asks for a longer one.
    pub max_delay: Duration,
    /// How long all tries of a request that does not get on may take together, pauses included. A server that asks for a
    /// longer pause than what is left of it is not waited for: the user should know instead.
    pub budget: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(10),
            budget: Duration::from_secs(5 * 60),
        }
    }
}

impl RetryPolicy {
    /// Starts to count the tries of one request.
    pub fn start(&self) -> Retries {
        Retries {
            policy: *self,
            pauses: self.pauses(),
            started: Instant::now(),
        }
    }

    fn pauses(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_factor(2.0)
            .with_min_delay(self.base_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.attempts.saturating_sub(1))
            .with_jitter()
            .build()
    }
}

/// What a failure says about another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It would fail again.
    GiveUp,
    /// It may go well.
    Retry,
    /// It may go well, but not before this time has passed.
    RetryAfter(Duration),
}

/// The tries that one request has left.
#[derive(Debug)]
pub struct Retries {
    policy: RetryPolicy,
    pauses: ExponentialBackoff,
    started: Instant,
}

impl Retries {
    /// Waits until the next try is due; `false`, without waiting, when there is none.
    pub async fn wait(&mut self, advice: Advice) -> bool {
        let asked = match advice {
            Advice::GiveUp => return false,
            Advice::Retry => Duration::ZERO,
            Advice::RetryAfter(asked) => asked,
        };
        let Some(pause) = self.pauses.next() else {
            return false;
        };
        let pause = pause.max(asked);
        if pause > self.left() {
            return false;
        }
        tracing::debug!(?pause, "trying again");
        tokio::time::sleep(pause).await;
        true
    }

    /// What is left of the time for all tries.
    fn left(&self) -> Duration {
        self.policy.budget.saturating_sub(self.started.elapsed())
    }

    /// Takes in that the time since the last failure was well spent: only the tries count, not the time.
    pub fn prolong(&mut self) {
        self.started = Instant::now();
    }

    /// Begins to count anew: the request got on since the last failure.
    pub fn restart(&mut self) {
        *self = self.policy.start();
    }
}

/// Whether an answer is worth another try: time-outs, rate limits and faults of the server are.
pub fn advice_for_status(status: StatusCode, headers: &HeaderMap) -> Advice {
    let transient = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        );
    if !transient {
        return Advice::GiveUp;
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    text(RETRY_AFTER)
        .and_then(|asked| pause(asked, text(DATE)))
        .map_or(Advice::Retry, Advice::RetryAfter)
}

/// The pause that `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date. A date is compared with that of the answer
/// itself, as the server's clock need not agree with ours.
fn pause(asked: &str, now: Option<&str>) -> Option<Duration> {
    let asked = asked.trim();
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large for the type asks for ever.
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let time = |text: &str| Some(rfc2822::parse(text).ok()?.timestamp());
    let pause = time(asked)?.duration_since(time(now?.trim())?);
    Some(pause.try_into().unwrap_or(Duration::ZERO))
}

/// Whether a failed exchange is worth another try: a broken connection is, a certificate that is not trusted is not.
pub fn advice_for_error(error: &reqwest::Error) -> Advice {
    if error.is_builder() || error.is_redirect() || tls_failure(error).is_some() {
        Advice::GiveUp
    } else {
        Advice::Retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(code: u16, headers: &[(HeaderName, &str)]) -> Advice {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, value.parse().unwrap());
        }
        advice_for_status(StatusCode::from_u16(code).unwrap(), &map)
    }

    #[test]
    fn repeats_what_may_pass_and_nothing_else() {
        for code in [200, 307, 400, 401, 403, 404, 413, 416, 501] {
            assert_eq!(
                advice(code, &[(RETRY_AFTER, "1")]),
                Advice::GiveUp,
                "{code}"
            );
        }
        for code in [408, 429, 500, 502, 503, 504, 522] {
            assert_eq!(advice(code, &[]), Advice::Retry, "{code}");
        }
    }

    #[test]
    fn reads_what_servers_ask_for() {
        let seconds = |seconds| Advice::RetryAfter(Duration::from_secs(seconds));
        let now = (DATE, "Fri, 31 Dec 1999 23:59:29 GMT");
        for (asked, expected) in [
            ("7", seconds(7)),
            (" 7 ", seconds(7)),
            ("0", seconds(0)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", seconds(30)),
            ("Fri, 31 Dec 1999 23:59:00 GMT", seconds(0)),
            ("-7", Advice::Retry),
            ("1.5", Advice::Retry),
            ("soon", Advice::Retry),
            ("", Advice::Retry),
        ] {
            let headers = [(RETRY_AFTER, asked), now.clone()];
            assert_eq!(advice(429, &headers), expected, "{asked}");
        }
        let alone = [(RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT")];
        assert_eq!(advice(503, &alone), Advice::Retry);
    }

    fn policy() -> RetryPolicy {
        RetryPolicy {
            attempts: 3,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(1),
            budget: Duration::from_secs(60),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_the_last_try() {
        let mut retries = policy().start();
        assert!(!retries.wait(Advice::GiveUp).await);
        assert!(retries.wait(Advice::Retry).await);
        assert!(retries.wait(Advice::Retry).await);
        assert!(!retries.wait(Advice::Retry).await);
        retries.restart();
        assert!(retries.wait(Advice::Retry).await);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_it_is_asked_to_and_not_longer_than_there_is_time() {
        let mut retries = policy().start();
        let asked = Duration::from_secs(40);
        let before = Instant::now();
        assert!(retries.wait(Advice::RetryAfter(asked)).await);
        // The timer has a grain of a millisecond.
        let just = asked..asked + Duration::from_millis(10);
        assert!(just.contains(&before.elapsed()));
        assert!(!retries.wait(Advice::RetryAfter(asked)).await);
        assert!(just.contains(&before.elapsed()));
        let for_ever = Advice::RetryAfter(Duration::from_secs(u64::MAX));
        assert!(!policy().start().wait(for_ever).await);
    }
}
