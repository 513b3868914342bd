/* adapters/ledger.py: each inline is one transaction. `said` is what it says, `mine` the fence.
 * A lease is not modelled as time: that of another's claim may lapse at any moment, since its holder may be
 * stopped at any moment. To wait for it is to take the step later. */

mtype = { send, look_up, look, nobody_knows, halted, annulled, thawed, lost, stored, go_on };  /* what a claim says */

#ifdef NONE
#define REPEATS false
#else
#define REPEATS true
#endif
#ifdef NO_RETENTION
#define FORGOTTEN false
#else
#define FORGOTTEN aged
#endif
#ifdef OLD_UNSENT
#define UNSENT (is_unsent && store.holder == me)
#else
#define UNSENT (is_unsent && store.holder == me && store.claim_epoch == epoch)
#endif
#ifdef OLD_CLAIMS
#define OVER (CLOSED || denied)
#else
#define OVER (CLOSED || denied || store.claim_epoch != epoch)
#endif

/* policies/retry.py, outlived: a later attempt of the same activity has it. */
#define OUTLIVED (store.holder > me && activity[store.holder] == activity[me])

/* claim */
inline claims_it() {
  d_step {
    if
    :: store.gen != generation -> said = thawed                   /* frozen anew since */
    :: else ->
       if
       :: store.claim == absent || (store.claim == failed && store.claim_gen != generation) -> claims_first()
       :: else -> claims_again()
       fi
    fi
  }
}

inline takes(what) {
  store.claim = claimed; store.claim_gen = generation; store.holder = me; store.fence++;
  mine = store.fence; mine_epoch = epoch; said = what
}

/* _first */
inline claims_first() {
  if
  :: stopped -> said = halted
#ifndef ENDED_CLAIM
  :: !stopped && store.outcome != absent -> said = stored           /* it ended: whatever is in force again */
#endif
#ifndef CLOSED_CLAIM
  :: !stopped && CLOSED -> said = rejected
#endif
  :: !stopped && denied -> said = rejected
  :: else ->
     if
#ifndef NO_GRANT
     :: !store.approved || store.approved_gen != generation -> said = rejected
#endif
#ifndef NO_STOP
     :: store.approved && store.voided -> said = annulled
#endif
#ifndef OLD_GRANTS
     :: store.approved && store.approved_epoch != epoch -> said = rejected
#endif
     :: else ->
          assert(!CLOSED);                                          /* no write of a closed run */
          assert(!store.voided);                                    /* no write by a grant older than a stop */
          assert(store.approved_epoch == epoch);                    /* nor by one older than a restore */
          store.claim_epoch = epoch; store.consumed = true;
          takes(send)
     fi
  fi
}

/* _again */
inline claims_again() {
  if
  :: SETTLED(store.claim) -> said = stored
  :: !SETTLED(store.claim) && OUTLIVED -> said = lost
  :: else ->
     assert(store.claim_gen == generation);                         /* what was sent is not frozen anew */
     takes_over()
  fi
}

/* _taken_over; policies/retry.py, reclaim */
inline takes_over() {
  if
  :: UNSENT && (stopped || OVER) ->                                 /* _freed */
       store.claim = failed; store.fence++; conclude(failed); said = stored
  :: UNSENT && !(stopped || OVER) -> takes(send)
  :: !UNSENT ->
     doubted = true;
     if
     :: store.claim == unknown && (OVER || !REPEATS || FORGOTTEN) -> said = stored
     :: !(store.claim == unknown && (OVER || !REPEATS || FORGOTTEN)) && stopped -> said = halted
     :: else ->
        assert(OVER || store.claim_epoch == epoch);                 /* nothing is repeated after a restore */
        if
#ifdef LOOKUP
        :: OVER -> takes(look)
        :: !OVER -> takes(look_up)
#endif
#ifdef NATIVE
        :: OVER || FORGOTTEN -> takes(nobody_knows)
        :: !(OVER || FORGOTTEN) -> takes(send)
#endif
#ifdef NONE
#ifdef RESEND_NONE
        :: true -> takes(send)
#else
        :: true -> takes(nobody_knows)
#endif
#endif
        fi
     fi
  fi
}

/* Whether the claim is this attempt's. The ghost in the assertions knows; the code compares. */
#ifdef NO_FENCE
#define MINE true
#else
#ifdef OLD_FENCES
#define MINE (store.fence == mine)
#else
#define MINE (store.fence == mine && store.claim_epoch == epoch)
#endif
#endif

/* confirm: whether what was claimed may leave right now */
#define CONFIRMED (store.claim == claimed && MINE && !stopped && !OVER)

/* settle: also what the run gave up, as long as nobody took it over since. */
inline settles(what) {
  d_step {
    if
    :: !OPEN_CLAIM -> said = stored                                 /* what stands */
    :: OPEN_CLAIM && !(MINE) ->
       if :: store.claim == claimed -> said = lost :: else -> said = stored fi
    :: OPEN_CLAIM && MINE ->
       assert(store.fence == mine && store.holder == me && mine_epoch == epoch);  /* the current fence alone */
       store.claim = what; conclude(what); said = stored
    fi
  }
}

/* release: the target is no more what the approver saw, and nothing of this key had an effect. */
inline releases() {
  d_step {
    if
    :: store.claim == claimed && MINE ->
         assert(store.fence == mine && store.holder == me && mine_epoch == epoch);
         store.claim = failed; thaw(generation); said = thawed
    :: else -> said = lost
    fi
  }
}
