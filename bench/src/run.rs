//! One measurement: one process of a function, its first call and further calls.

use crate::operations::Operation;
use crate::process::{Answer, Function};
use crate::stubs::{Counts, Stubs};
use crate::tls::{self, Certificate};
use crate::usage;
use std::path::Path;
use std::time::Duration;

/// The measurements of one process.
#[derive(Debug)]
pub struct Sample {
    /// From spawn until it asked for the first event.
    pub init: Duration,
    /// From the first event until its response.
    pub first_call: Duration,
    /// CPU time until it asked for the first event.
    pub init_cpu: Duration,
    /// CPU time of the first call.
    pub first_cpu: Duration,
    /// From event to response, for each further call.
    pub warm: Vec<Duration>,
    /// Mean CPU time of a further call.
    pub warm_cpu: Duration,
    /// Peak resident memory, in bytes.
    pub peak_resident: u64,
    /// The calls and log lines of the first call.
    pub first: Work,
    /// The calls and log lines of the last call.
    pub further: Work,
    /// The connections to each host, over all calls.
    pub connections: Counts,
}

/// The calls and log lines of one invocation.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Work {
    /// The number of calls of each operation.
    pub calls: Counts,
    /// The number of log lines.
    pub lines: usize,
}

/// Starts `program` and calls it once, then `calls` more times.
#[must_use]
pub fn measure(program: &Path, operation: &Operation, calls: u32) -> Sample {
    let certificate = Certificate::get();
    let stubs = Stubs::start(certificate.filter(|_| operation.tls).map(|certificate| &certificate.server));
    let mut function = Function::start(program, operation.function, &stubs, &tls::roots(operation.tls));
    let init = function.ready() - function.started;
    usage::wait_until_idle(function.pid());
    let init_cpu = usage::cpu_time(function.pid());
    function.send(operation.event(0));
    let Answer { sent, at, body } = function.answer();
    let first_call = at - sent;
    operation.check(&body);
    function.ready();
    let lines = function.settle();
    let first = Work { calls: stubs.counts_since(0), lines };
    let first_cpu = usage::cpu_time(function.pid()) - init_cpu;
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
    let warm_cpu = (usage::cpu_time(function.pid()) - init_cpu - first_cpu) / calls.max(1);
    let peak_resident = usage::peak_resident(function.pid());
    let connections = stubs.connections();
    Sample { init, first_call, init_cpu, first_cpu, warm, warm_cpu, peak_resident, first, further, connections }
}
