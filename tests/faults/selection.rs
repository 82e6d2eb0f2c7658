//! Which cases are run: all single faults, the server gone from each request on, and a number of pairs drawn
//! with a seed, the same every time.

use crate::cases::{Blow, Case, GONE, KINDS, PAIRED};
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

impl Selection {
    pub fn cases<'a>(&self, cleans: &[Clean<'a>]) -> Vec<Case<'a>> {
        let mut cases = Vec::new();
        for (i, of_scene) in cleans.chunks(ALL.len()).enumerate() {
            self.single(of_scene, &mut cases);
            let mut random = Random(self.seed.wrapping_add(i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            (0..self.pairs).for_each(|_| cases.push(pair(of_scene, &mut random)));
        }
        cases
    }

    /// `of_scene`: the undisturbed run of one scene in each variant.
    fn single<'a>(&self, of_scene: &[Clean<'a>], cases: &mut Vec<Case<'a>>) {
        for (nth, kind) in KINDS.into_iter().chain([GONE]).enumerate() {
            for (v, clean) in of_scene.iter().enumerate() {
                for on in 1..=clean.requests {
                    let turn = (nth as u64 + on) % ALL.len() as u64 == v as u64;
                    if self.every_variant || turn {
                        cases.push(clean.struck(vec![Blow { on, kind }]));
                    }
                }
            }
        }
    }
}

fn pair<'a>(of_scene: &[Clean<'a>], random: &mut Random) -> Case<'a> {
    let clean = &of_scene[random.below(of_scene.len() as u64) as usize];
    let on = 1 + random.below(clean.requests);
    let later = on + 1 + random.below(clean.requests - on + FURTHER);
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
