//! A worker of Freeside's: one transaction after the other, in a process that may be killed.

use crate::network::Killed;
use crate::stage::Stage;
use crate::transaction::Transaction;
use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

/// Until there is nothing more to do.
pub fn work(stage: &Arc<Stage>, worker: usize) {
    loop {
        let rest = {
            let mut site = stage.site();
            let longest = site.random.weighted(&[(3, 20), (2, 300), (1, 20_000)]);
            site.random.millis(0, longest)
        };
        stage.wait_for(worker, rest);
        let Some(act) = stage.site().draw_act() else { return };
        stage.site().tell(worker, || format!("begins: {act:?}"));
        // Its error is told already.
        let _ = in_transaction(stage, worker, |transaction| act.perform(transaction));
    }
}

/// Runs `what` in a transaction, and ends that. None: the process was killed.
pub fn in_transaction(
    stage: &Arc<Stage>,
    worker: usize,
    what: impl FnOnce(&mut Transaction) -> Result<(), String>,
) -> Option<Result<(), String>> {
    stage.site().tally.transactions += 1;
    let mut transaction = Transaction::new(stage, worker);
    match catch_unwind(AssertUnwindSafe(|| what(&mut transaction))) {
        Ok(ended) => {
            transaction.end(ended.clone());
            Some(ended)
        }
        Err(panic) => {
            if !panic.is::<Killed>() {
                stage.site().is_wrong(format!("a panic: {}", words(&*panic)));
            }
            transaction.killed();
            None
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
