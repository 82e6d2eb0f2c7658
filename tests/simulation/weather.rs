//! What a history has to bear: how often requests fail and in which ways, how the server behaves.

use crate::random::Random;
use magicmail_simulator::modes::{
    DeletedUsers, EmptyLists, Fields, NoUser, NothingToRead, PackageAgain, UserNames,
};
use magicmail_simulator::{Lie, Modes};
use std::time::Duration;

/// Chances in a thousand.
pub struct Weather {
    /// Nothing happens: at the start of most histories, and at the end of all.
    pub calm: bool,
    /// For a request.
    pub fault: u64,
    /// For the requests that a process sends at once.
    pub kill: u64,
    pub outage: u64,
    /// For a transaction whose hooks all succeeded.
    pub rollback: u64,
    /// For a request that fails: that the server carries it out after everybody gave up on it.
    pub late: u64,
    /// What the server lies about; empty: it is honest.
    pub lies: Vec<Lie>,
    /// For an answer: that it is one of those lies.
    pub lie: u64,
    /// The server is gone until then.
    pub gone_until: Duration,
}

impl Weather {
    pub fn draw(random: &mut Random) -> Weather {
        Weather {
            calm: true,
            fault: random.weighted(&[(1, 0), (3, 15), (4, 50), (2, 120), (1, 300)]),
            kill: random.weighted(&[(4, 0), (3, 10), (2, 40)]),
            outage: random.weighted(&[(5, 0), (3, 5), (1, 20)]),
            rollback: random.weighted(&[(3, 0), (4, 80), (2, 250)]),
            late: random.weighted(&[(5, 0), (3, 150), (1, 500)]),
            lies: lies(random),
            lie: random.weighted(&[(3, 50), (2, 300), (1, 1_000)]),
            gone_until: Duration::ZERO,
        }
    }
}

/// Two histories in three have an honest server.
fn lies(random: &mut Random) -> Vec<Lie> {
    let number = random.weighted(&[(6, 0), (2, 1), (1, 3)]);
    (0..number).filter_map(|_| random.pick(&Lie::ALL).copied()).collect()
}

/// A server of any shape that a real one may have.
pub fn modes(random: &mut Random) -> Modes {
    let mut modes = Modes::default();
    if random.chance(500) {
        modes.deleted_users = DeletedUsers::Hidden;
    }
    modes.fields = random.weighted(&[(3, Fields::Attributes), (1, Fields::Children), (1, Fields::Mixed)]);
    modes.user_names = random.weighted(&[(2, UserNames::Upper), (1, UserNames::AsSent)]);
    modes.empty_lists = random.weighted(&[(1, EmptyLists::Element), (1, EmptyLists::Missing)]);
    modes.nothing_to_read = random.weighted(&[(2, NothingToRead::Document), (1, NothingToRead::NoBody)]);
    modes.no_user = random.weighted(&[(1, NoUser::Account), (1, NoUser::User)]);
    modes.package_again = random.weighted(&[(1, PackageAgain::Refused), (1, PackageAgain::Accepted)]);
    modes.error_status = random.weighted(&[(2, 400), (1, 200), (1, 500)]);
    modes.account_in_lists = random.chance(700);
    modes.empty_writes = random.chance(150);
    modes.empty_clears = random.chance(800);
    modes.addresses_follow_purge = random.chance(600);
    modes.addresses_follow_delete = random.chance(150);
    modes.page_size = random.weighted(&[(1, 0), (2, 1), (1, 2)]);
    modes.cut_entry = random.weighted(&[(1, 0), (1, 1), (1, 2)]);
    modes.stale_writes = random.weighted(&[(2, 1), (1, 2), (1, 5)]);
    modes.lag_ms = random.weighted(&[(7, 0), (1, 100), (1, 400), (1, 1_000)]);
    if random.chance(100) {
        // One of the exports brings a package that the server does not know.
        modes.known_packages = ["EMAIL", "ADDITIONAL NOCOST MAILBOX"].map(str::to_owned).to_vec();
    }
    modes
}
