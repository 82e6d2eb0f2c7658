//! Which cases are run: all single faults and lies, the server gone from each request on, each lie that lasts alone and
//! with faults, and a number of pairs drawn with a seed, the same every time.

use crate::cases::{Blow, Case, GONE, KINDS, LASTING_LIES, LIES, PAIRED};
use crate::site::Clean;
use crate::variants::ALL;

/// The second fault of a pair may strike a request of what the first one set going: a look-up, an undo.
const FURTHER: u64 = 8;

pub struct Selection {
    /// Each case in every variant; else each in one, and all variants in turn.
    pub every_variant: bool,
    /// Per scene.
    pub pairs: usize,
    pub seed: u64,
}

/// Without the full sweep, one in so many faults and lies of one request strikes, each kind at some request of each
/// scene; and one in so many lies that last is told.
const ONE_FAULT_IN: u64 = 3;
const ONE_LIE_IN: u64 = 12;
const ONE_LASTING_LIE_IN: u64 = 2;

impl Selection {
    pub fn cases<'a>(&self, cleans: &[Clean<'a>]) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        for (i, of_scene) in (0..).zip(cleans.chunks(ALL.len())) {
            self.single(of_scene, i, &mut cases);
            self.lied_to(of_scene, i, &mut cases);
            let mut random = Random(self.seed.wrapping_add(i).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (0..self.pairs).for_each(|_| cases.push(pair(of_scene, &mut random)));
        }
        cases
    }

    /// `of_scene`: the undisturbed run of one scene, the `i`th, in each variant.
    fn single<'a>(&self, of_scene: &[Clean<'a>], i: u64, cases: &mut Vec<Case<'a>>) {
        let variants = ALL.len() as u64;
        for (nth, kind) in (0..).zip(KINDS.into_iter().chain([GONE]).chain(LIES)) {
            let is_lie = LIES.contains(&kind);
            for (v, clean) in (0..).zip(of_scene) {
                for on in 1..=clean.requests {
                    let turn = nth + on;
                    let one_in = if is_lie { ONE_LIE_IN } else { ONE_FAULT_IN };
                    let is_drawn = kind == GONE || (on + nth / variants + i) % one_in == 0;
                    if self.every_variant || turn % variants == v && is_drawn {
                        cases.push(clean.struck(vec![Blow { on, kind }]));
                    }
                }
            }
        }
    }

    /// Each lie that lasts, alone and with a fault of each kind in turn; without the full sweep, either, and the request
    /// that is struck wanders too.
    fn lied_to<'a>(&self, of_scene: &[Clean<'a>], i: u64, cases: &mut Vec<Case<'a>>) {
        for (nth, lie) in (0..).zip(LASTING_LIES) {
            for (v, clean) in (0..).zip(of_scene) {
                let turn = nth + i;
                let strikes = if self.every_variant {
                    0..=clean.requests
                } else if turn % ALL.len() as u64 == v && (turn / ALL.len() as u64) % ONE_LASTING_LIE_IN == 0
                {
                    let on = turn % 2 * (1 + turn / 2 % clean.requests.max(1));
                    on..=on
                } else {
                    continue;
                };
                for on in strikes {
                    let kind = PAIRED[(turn + on) as usize % PAIRED.len()];
                    let blows = if on == 0 { Vec::new() } else { vec![Blow { on, kind }] };
                    cases.push(Case { lies: vec![lie], ..clean.struck(blows) });
                }
            }
        }
    }
}

fn pair<'a>(of_scene: &[Clean<'a>], random: &mut Random) -> Case<'a> {
    let clean = &of_scene[random.below(of_scene.len() as u64) as usize];
    let on = 1 + random.below(clean.requests);
    let later = on + 1 + random.below(clean.requests.saturating_sub(on) + FURTHER);
    let mut kind = || PAIRED[random.below(PAIRED.len() as u64) as usize];
    clean.struck(vec![Blow { on, kind: kind() }, Blow { on: later, kind: kind() }])
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}
