//! Reads and changes of a sandbox's state, under its lock.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use weir_ports::PortError;

use crate::{
    Call, Sandbox,
    faults::{self, Hit, Point},
    folder::{Lock, Stamp},
    state::{FILES, State},
};

/// The state as last read, with the data to notice later changes.
pub(crate) struct Remembered {
    revision: u64,
    stamps: [Option<Stamp>; FILES.len()],
    state: Arc<State>,
}

/// The older state that observations still show.
pub(crate) struct Past {
    state: Arc<State>,
    observations_left: u32,
}

impl Sandbox {
    /// Returns the state. The lock is released at once: the whole call uses this one state.
    pub(crate) fn read(&self, call: Call) -> Result<Arc<State>, PortError> {
        self.faults.begin(call)?;
        self.read_unfaulted()
    }

    pub(crate) fn read_unfaulted(&self) -> Result<Arc<State>, PortError> {
        let lock = self.folder.lock_shared()?;
        self.load(&lock)
    }

    /// Returns the state for an observation, which may lag behind.
    pub(crate) fn read_lagging(&self, call: Call) -> Result<Arc<State>, PortError> {
        let now = self.read(call)?;
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = past.first().map_or(now, |oldest| Arc::clone(&oldest.state));
        for seen in past.iter_mut() {
            seen.observations_left -= 1;
        }
        past.retain(|seen| seen.observations_left > 0);
        Ok(shown)
    }

    /// Begins a change of the state.
    pub(crate) fn change(&self, call: Call) -> Result<Transaction<'_>, PortError> {
        self.faults.begin(call)?;
        self.change_unfaulted()
    }

    /// Begins a change without faults, for preparations.
    pub(crate) fn change_unfaulted(&self) -> Result<Transaction<'_>, PortError> {
        let lock = self.folder.lock_exclusive()?;
        let state = self.load(&lock)?;
        Ok(Transaction { sandbox: self, lock, before: Arc::clone(&state), state, dirty: BTreeSet::new() })
    }

    fn load(&self, lock: &Lock) -> Result<Arc<State>, PortError> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = self.stamps();
        if let Some(remembered) = remembered.as_ref()
            && remembered.revision == lock.revision
            && remembered.stamps == stamps
        {
            return Ok(Arc::clone(&remembered.state));
        }
        *remembered = None;
        let state = Arc::new(State::decode(|file| self.folder.read(file))?);
        self.check_id(&state.cluster.id)?;
        *remembered = Some(Remembered { revision: lock.revision, stamps, state: Arc::clone(&state) });
        Ok(state)
    }

    fn stamps(&self) -> [Option<Stamp>; FILES.len()] {
        FILES.map(|file| self.folder.stamp(file))
    }
}

/// A change of the state in progress. The files stay unchanged until [`Transaction::commit`].
pub(crate) struct Transaction<'a> {
    sandbox: &'a Sandbox,
    lock: Lock,
    before: Arc<State>,
    state: Arc<State>,
    dirty: BTreeSet<&'static str>,
}

impl Transaction<'_> {
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Returns the state for changes of the content of `file`.
    pub(crate) fn edit(&mut self, file: &'static str) -> &mut State {
        self.dirty.insert(file);
        Arc::make_mut(&mut self.state)
    }

    /// Passes a fault point. Before a kill, the changes so far are written: a real cluster does not undo batches
    /// either.
    pub(crate) fn pass(&mut self, point: Point) -> Hit {
        let hit = self.sandbox.faults.pass(point);
        if hit == Hit::Kill {
            // The process ends even if the files cannot be written.
            let _ = self.write(false);
            std::process::abort();
        }
        hit
    }

    /// Writes the changes.
    pub(crate) fn commit(mut self) -> Result<(), PortError> {
        self.write(true)
    }

    fn write(&mut self, with_faults: bool) -> Result<(), PortError> {
        let files: Vec<&str> = FILES.into_iter().filter(|file| self.dirty.contains(file)).collect();
        if files.is_empty() {
            return Ok(());
        }
        for (at, file) in files.iter().enumerate() {
            if at > 0 && with_faults {
                match self.sandbox.faults.pass(Point::Between) {
                    Hit::Kill => std::process::abort(),
                    Hit::Crash => return Err(faults::crashed()),
                    _ => {}
                }
            }
            self.sandbox.folder.write(&mut self.lock, file, &self.state.encode(file))?;
        }
        self.dirty.clear();
        let lag = self.sandbox.faults.lag();
        if lag > 0 {
            let past = Past { state: Arc::clone(&self.before), observations_left: lag };
            self.sandbox.past.lock().unwrap_or_else(PoisonError::into_inner).push(past);
        }
        let remembered =
            Remembered { revision: self.lock.revision, stamps: self.sandbox.stamps(), state: Arc::clone(&self.state) };
        *self.sandbox.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
        Ok(())
    }
}
