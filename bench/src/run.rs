//! One measurement: one process of a function, its first call and some more.

use crate::operations::Operation;
use crate::process::{Answer, Function};
use crate::stubs::{Counts, Stubs};
use crate::tls::Certificate;
use crate::usage;
use std::path::Path;
use std::time::Duration;

/// What one process took.
#[derive(Debug)]
pub struct Sample {
    /// From its start until it asked for the first event.
    pub init: Duration,
    /// From its start until its first answer.
    pub cold: Duration,
    /// Processor time until then.
    pub cold_processor: Duration,
    /// From the event to the answer, of each further call.
    pub warm: Vec<Duration>,
    /// Processor time of one of them, on average.
    pub warm_processor: Duration,
    /// The most memory that was resident at once, in bytes.
    pub peak_resident: u64,
    /// What the first call called.
    pub first: Work,
    /// What the last one called.
    pub further: Work,
    /// The connections to each host by the end.
    pub connections: Counts,
}

/// What one invocation did besides answering.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Work {
    /// The calls of each operation.
    pub calls: Counts,
    /// The lines that were logged.
    pub lines: usize,
}

/// Starts `program`, calls it once, and then `calls` times more.
#[must_use]
pub fn measure(program: &Path, operation: &Operation, calls: u32) -> Sample {
    let certificate = Certificate::get().filter(|_| operation.tls);
    let stubs = Stubs::start(certificate.map(|certificate| &certificate.server));
    let roots = certificate.map(|certificate| &certificate.roots);
    let mut function = Function::start(program, operation.function, &stubs, roots);
    function.send(operation.event(0));
    let init = function.ready() - function.started;
    let Answer { at, body, .. } = function.answer();
    let cold = at - function.started;
    operation.check(&body);
    function.ready();
    let lines = function.settle();
    let first = Work { calls: stubs.counts_since(0), lines };
    let cold_processor = usage::processor_time(function.pid());
    let (mut warm, mut further) = (Vec::new(), Work::default());
    for number in 1..=calls {
        let (event, before) = (operation.event(number as usize), stubs.count());
        function.send(event);
        let Answer { sent, at, body } = function.answer();
        warm.push(at - sent);
        operation.check(&body);
        function.ready();
        let lines = function.settle();
        further = Work { calls: stubs.counts_since(before), lines };
    }
    let warm_processor = (usage::processor_time(function.pid()) - cold_processor) / calls.max(1);
    let peak_resident = usage::peak_resident(function.pid());
    let connections = stubs.connections();
    Sample { init, cold, cold_processor, warm, warm_processor, peak_resident, first, further, connections }
}
