//! What is rendered for Kubernetes does run: objects of `render` and of the chart, as far as podman can take the place of a
//! cluster. What that means is told in `tests/support/kube_play.rs`.

mod deployed;
mod job;
mod old_line;
mod savepoint;
mod session;
