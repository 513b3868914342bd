/* The rest of the world, each at any moment or never. */

#ifdef WORD
#define SAYS(what) if :: it_did -> what = succeeded :: else -> what = failed fi

/* A person looks at the target, and says what they saw; the broker settles by that word
 * (adapters/questions.py, settle_by_word), which may come much later. */
proctype Person() {
  bool it_did;
  if
  :: d_step { store.asked && store.outcome == unknown -> it_did = (effects > 0) };
     d_step {
       if
#ifdef WORD_OVER
       :: true ->
          if :: store.claim == unknown -> SAYS(store.claim) :: else fi;
          if :: it_did -> conclude(succeeded) :: else -> conclude(failed) fi; by_word = true
#else
       :: OPEN_CLAIM && store.outcome == unknown ->
          SAYS(store.claim); store.fence++;
          if :: it_did -> conclude(succeeded) :: else -> conclude(failed) fi; by_word = true
#endif
       :: else
       fi;
       it_did = false
     }
  :: skip
  fi
}
#endif

#ifdef COLLEAGUE
/* Somebody else changes the target. */
proctype Colleague() { if :: version++ :: skip fi }
#endif

#ifdef WITHDRAW
/* The approver takes it back, until the claim (adapters/desk.py), and thinks better of it. */
proctype Approver() {
  if
#ifdef LATE_WITHDRAW
  :: d_step { store.approved -> store.approved = false; granted[store.approved_gen] = false };
#else
  :: d_step { store.approved && !store.consumed -> store.approved = false; granted[store.approved_gen] = false };
#endif
     if
     :: d_step { !CLOSED && !store.approved && store.gen == store.approved_gen && store.gen != 0 ->
          approves(store.approved_gen) }
     :: skip
     fi
  :: skip
  fi
}
#endif

#ifdef CANCEL
/* The run is cancelled: closed to claims at once, its workflow told later. */
proctype Canceller() { if :: store.cancel = true :: skip fi }
#endif

#ifdef RETENTION
/* The target forgets our key. That nobody is stopped for the last tenth of the retention with a request in
 * hand is the design's assumption, so the model makes it: nobody who may send is alive, nothing is under way. */
proctype Retention() {
  if
  :: aged = true; d_step { alive == 0 && under_way == 0 -> forgotten = true }
  :: skip
  fi
}
#endif

#ifdef SWITCH
proctype Switch() {
  if
  :: d_step { stopped = true; if :: store.approved && !store.consumed -> store.voided = true :: else fi }
#ifndef NO_LIFT
     ; stopped = false
#endif
  :: skip
  fi
}
#endif

#ifdef POLICY
/* Narrowed, and widened again. */
proctype Policy() { if :: denied = true; denied = false :: skip fi }
#endif

#ifdef RESTORE
Store backup;

#define COPY(to, from) to.approved = from.approved; to.approved_gen = from.approved_gen; \
  to.approved_epoch = from.approved_epoch; to.voided = from.voided; to.consumed = from.consumed; \
  to.gen = from.gen; to.seen = from.seen; to.claim = from.claim; to.claim_gen = from.claim_gen; \
  to.claim_epoch = from.claim_epoch; to.fence = from.fence; to.holder = from.holder; \
  to.outcome = from.outcome; to.asked = from.asked; to.cancel = from.cancel; to.ended = from.ended

/* A backup, and then the restore of it (adapters/restoring.py): open runs are cancelled, and what was frozen
 * and has no end in the books is unknown, with its question. */
proctype Restore() {
  if
  :: d_step { COPY(backup, store) };
     d_step {
       COPY(store, backup); epoch++; restored = true; unheard_of = (store.gen == 0);
       if
       :: !store.ended && store.gen != 0 && (store.outcome == absent || store.outcome == unknown) ->
#ifndef UNDOUBTED
          if
          :: store.claim == absent -> store.claim = unknown; store.claim_gen = store.gen; store.holder = 0
          :: store.claim == failed ->
               store.claim = unknown; store.claim_gen = store.gen; store.holder = 0; store.fence++;
               store.claim_epoch = 0
          :: store.claim == claimed -> store.claim = unknown
          :: else
          fi;
          store.outcome = unknown; store.asked = true
#else
          if :: store.claim == claimed -> store.claim = unknown; store.outcome = unknown; store.asked = true
             :: else fi
#endif
       :: else
       fi;
#ifndef GOES_ON
       if :: !store.ended -> store.cancel = true :: else fi;
#endif
       backup.claim = 0; backup.outcome = 0
     }
  :: skip
  fi
}
#endif

#ifdef LIVE
/* Without it a run in which everything waits for ever is finite, and no law of liveness speaks of it. */
proctype Clock() { do :: finished || !finished od }
#endif
