/* One approved write, as the code carries it out, for spin: every order of every step, one kind of target
 * at a time. `make model` checks it, and that each broken variant of it has a counter-example.
 *
 * -DNATIVE | -DLOOKUP | -DNONE   how a retry of the tool is safe (contracts/tool.py, Retry)
 * -DATTEMPTS=3                   a second takeover; else two attempts
 * -DCOLLEAGUE                    somebody else changes the target once
 * -DSWITCH                       a kill switch is set and lifted once
 * -DRESTORE                      the store may be restored from a backup once (the design's store epoch)
 * Broken on purpose: -DNO_FENCE -DNO_DOUBT -DNO_GRANT -DNO_STOP -DRESEND_NONE -DBLIND_RESEND;
 * -DOLD_GRANTS, -DOLD_CLAIMS: no epoch on grants, on claims, which is how the code is without a store epoch;
 * -DFORGOTTEN: a retry after the declared retention of the key.
 *
 * What is abstracted: one action, one approver, capabilities and digests (a generation stands for a frozen
 * record), time (whatever waits may be given up, at any moment). An attempt may die before any step, or be
 * given up by Temporal and go on: that is the worker which was killed, and the one which was stopped.
 */

#ifndef ATTEMPTS
#define ATTEMPTS 2   /* of the write's activity, two of them alive at most: two workers, one a zombie */
#endif
#ifndef SENDS
#define SENDS 2      /* of one attempt (activities/sending.py, PAUSES) */
#endif

mtype = { absent, claimed, succeeded, failed, refused, unknown, rejected }  /* claim and outcome */
mtype = { lost, unsent, changed, halted, thawed }                          /* answers, and ends of an attempt */
mtype = { send, look_up, look, nobody_knows, go_on }                       /* what a claim says */

/* The store: adapters/schema.py. What a restore takes back is all of it. */
typedef Store {
  bool approved;       /* approvals.state */
  byte approved_gen;   /* approvals.action_digest */
  byte approved_epoch;
  bool voided;         /* a switch was set after the approval (adapters/standing.py, voided) */
  byte gen;            /* actions.action_digest: which frozen record stands; 0: none, it was thawed */
  byte seen;           /* Frozen.target_version of it */
  mtype claim;         /* claims.state */
  byte claim_gen;      /* claims.action_digest */
  byte fence;
  byte holder;         /* the attempt that has the claim */
  mtype outcome;       /* actions.outcome */
  bool asked           /* actions.reconciliation_id: the question, and with it the card */
}
Store store;
Store backup;
byte epoch;
bool stopped;          /* a kill switch */
bool closed;           /* the run has ended */

/* The target. A request lies on the wire for as long as it likes, or is lost there. */
chan wire = [SENDS * ATTEMPTS] of { byte /* attempt */, byte /* version */, byte /* generation */ };
mtype answer[ATTEMPTS + 1];
byte version;
byte effects;
bool remembered;       /* the key: for `native` to deduplicate by, for `lookup` to find */
bool forgotten;        /* past its declared retention */

/* Ghosts: what the laws speak of and no process asks. */
byte sends;
bool granted[4];       /* by generation */
byte approvals;
byte alive;
byte current;          /* the attempt whose answer Temporal takes */
mtype result = absent; /* of that attempt */
bool over[ATTEMPTS + 1];
bool by_word;          /* a person said what happened */
bool restored;
bool all_done;

#define SETTLED(s) (s == succeeded || s == refused || s == failed)
#define DIES if :: skip :: goto dead fi
#ifdef NONE
#define STAYS_UNKNOWN true
#else
#define STAYS_UNKNOWN false
#endif
#define KNOWN (store.claim != absent && store.claim != failed)

/* The last statement of adapters/actions.py, conclude: the first that is known wins. */
inline conclude(what) {
  if
  :: store.outcome == absent || store.outcome == unknown -> store.outcome = what
  :: else
  fi
}

/* adapters/actions.py, thaw */
inline thaw(generation) {
  if
  :: store.gen == generation && store.outcome == absent && !KNOWN ->
       store.gen = 0; store.approved = false
  :: else
  fi
}

/* adapters/ledger.py, claim: one transaction. `said` is what it says; `mine` the fence. */
inline claims_it() {
  d_step {
    mine_epoch = epoch;
    if
    :: store.gen != generation -> said = thawed                       /* frozen anew since */
    :: else ->
       if
       :: store.claim == absent || (store.claim == failed && store.claim_gen != generation) ->
            if                                                        /* _first */
            :: stopped -> said = halted
            :: !stopped && closed -> said = rejected
            :: else ->
#ifdef NO_GRANT
               if
#else
               if
               :: !store.approved || store.approved_gen != generation -> said = rejected
#ifndef NO_STOP
               :: store.approved && store.voided -> said = rejected
#endif
#ifndef OLD_GRANTS
               :: store.approved && store.approved_epoch != epoch -> said = rejected
#endif
#endif
               :: else ->
                    assert(!store.voided);                              /* no write by a grant older than a stop */
                    store.claim = claimed; store.claim_gen = generation;
                    takes(send)
               fi
            fi
       :: else ->                                                     /* _again */
            if
            :: store.claim_gen != generation -> assert(false)         /* what was sent is not frozen anew */
            :: store.claim_gen == generation && SETTLED(store.claim) -> said = succeeded  /* stored */
            :: else ->
               if
               :: store.holder > me -> said = lost                    /* policies/retry.py, outlived */
               :: else -> takes_over()
               fi
            fi
       fi
    fi
  }
}

inline takes(what) {
  store.claim = claimed; store.claim_gen = generation; store.holder = me; store.fence++;
  mine = store.fence; said = what
}

/* adapters/ledger.py, _taken_over; policies/retry.py, reclaim */
inline takes_over() {
  if
  :: is_unsent && store.holder == me && (stopped || closed) ->        /* _freed */
       store.claim = failed; store.fence++; conclude(failed); said = succeeded
  :: is_unsent && store.holder == me && !(stopped || closed) -> takes(send)
  :: !(is_unsent && store.holder == me) ->
     doubted = true;
     if
     :: store.claim == unknown && (closed || STAYS_UNKNOWN) -> said = succeeded  /* stored, as unknown */
     :: else ->
        if
        :: stopped -> said = halted
#ifdef NATIVE
        :: !stopped && closed -> takes(nobody_knows)
        :: !stopped && !closed -> takes(send)
#endif
#ifdef LOOKUP
        :: !stopped && closed -> takes(look)
        :: !stopped && !closed -> takes(look_up)
#endif
#ifdef NONE
#ifdef RESEND_NONE
        :: !stopped -> takes(send)
#else
        :: !stopped -> takes(nobody_knows)
#endif
#endif
        fi
     fi
  fi
}

/* tools/armed.py, send: it leaves, and waits for an answer for as long as it likes. */
inline sends_it() {
  if
  :: got = unsent                                                     /* no connection: nothing left */
  :: d_step {
       sends++; answer[me] = absent; wire!me, frozen_version, generation;
       assert(granted[generation])                                    /* no unapproved write */
     }
     if
     :: answer[me] != absent -> got = answer[me]
     :: got = lost
     fi
  fi
}

/* tools/armed.py, find */
inline finds_it(nothing, unasked) {
  if
#ifndef NONE
  :: d_step { if :: remembered && !forgotten -> got = succeeded :: else -> got = nothing fi }
#endif
  :: got = unasked                                                    /* cannot be asked, or not now */
  fi
}

/* activities/sending.py, _worth: what an answer settles */
inline worth() {
  if
#ifdef LOOKUP
  :: got == lost -> finds_it(unknown, unknown)
#else
  :: got == lost -> got = unknown
#endif
  :: got != lost && (!doubted || got == succeeded || got == unknown) -> skip
  :: got != lost && got != succeeded && got != unknown && doubted ->
#ifdef NO_DOUBT
     skip
#else
     if
     :: got == changed -> finds_it(changed, unknown)
     :: else -> got = unknown
     fi
#endif
  fi
}

#ifdef NO_FENCE
#define MINE true
#else
#ifdef OLD_CLAIMS
#define MINE (store.fence == mine)
#else
#define MINE (store.fence == mine && mine_epoch == epoch)
#endif
#endif

/* activities/act.py, write; activities/sending.py, send */
proctype Attempt(byte me) {
  byte generation, frozen_version, mine, mine_epoch, tries;
  mtype said, got;
  bool doubted, is_unsent, late;

  d_step {                                                            /* activities/guard.py */
    generation = store.gen; frozen_version = store.seen;
    if
    :: store.outcome != absent && store.outcome != unknown -> said = succeeded
    :: generation == 0 && (store.outcome == absent || store.outcome == unknown) -> said = thawed
    :: else -> said = go_on
    fi
  }
  if
  :: said != go_on -> goto tells
  :: else
  fi;
  if                                                                  /* toolbox.arm, then ledger.known */
  :: version != frozen_version && !KNOWN ->
       DIES; d_step { thaw(generation); said = thawed }; goto tells
  :: else
  fi;

claims:
  DIES;
  claims_it();
  if
  :: said == send ->
       is_unsent = !doubted;
       if :: skip :: late == false -> late = true; goto claims fi     /* the commit lies too far back */
  :: said == look_up || said == look || said == nobody_knows -> skip
  :: else -> goto tells
  fi;
  DIES;                                                               /* stopped here: the zombie's send */
  if
  :: said == send -> sends_it()
  :: said == look_up ->                                               /* _look_up */
       finds_it(absent, unknown);
       if
       :: got == absent ->
#ifdef BLIND_RESEND
            frozen_version = version; sends_it()
#else
            if
            :: version == frozen_version -> sends_it()
            :: else -> got = unknown
            fi
#endif
       :: else
       fi
  :: said == look -> finds_it(unknown, unknown)
  :: said == nobody_knows -> got = unknown
  fi;
  tries++;
  if
#ifdef NATIVE
  :: (got == unsent || got == lost) && tries < SENDS ->
#else
  :: got == unsent && tries < SENDS ->
#endif
       doubted = doubted || got == lost; is_unsent = !doubted; goto claims
  :: else
  fi;
  worth();
  if :: got == unsent -> got = failed :: else fi;

  DIES;
  if
  :: got == changed ->                                                /* ledger.release */
       d_step {
         if
         :: store.claim == claimed && MINE ->
              assert(store.fence == mine && mine_epoch == epoch);
              store.claim = failed; thaw(generation); said = thawed
         :: else -> said = lost
         fi
       }
  :: else ->                                                          /* ledger.settle */
       d_step {
         if
         :: store.claim != claimed -> said = succeeded                /* what stands */
         :: store.claim == claimed && !MINE -> said = lost
         :: store.claim == claimed && MINE ->
              assert(store.fence == mine && mine_epoch == epoch);     /* only the current fence settles */
              store.claim = got; conclude(got); said = succeeded
         fi
       }
  fi;

tells: skip;
  DIES;
  d_step {                                                            /* the ack: of the current attempt only */
    if
    :: me == current && result == absent ->
       if
       :: said == halted || said == thawed || said == lost -> result = said
       :: said == rejected -> conclude(rejected); result = store.outcome
       :: else -> result = store.outcome
       fi
    :: me != current && said == rejected -> conclude(rejected)        /* written before the ack is refused */
    :: else
    fi
  }
dead: skip;
  d_step {
    over[me] = true; alive--; answer[me] = absent;
    said = absent; got = absent; generation = 0; frozen_version = 0; mine = 0; mine_epoch = 0; tries = 0;
    doubted = false; is_unsent = false; late = false
  }
}

proctype Target() {
  byte who, expected, generation;
  do
  :: wire?who, expected, generation ->
     if
     :: skip                                                          /* lost on its way, or failed before */
     :: over[who] == false -> answer[who] = refused                   /* no, and it stays with it */
     :: d_step {
          if
#ifdef NATIVE
          :: remembered && !forgotten -> answer[who] = succeeded      /* by its key */
#endif
#ifdef LOOKUP
          :: expected != version -> answer[who] = changed             /* If-Match */
#endif
          :: else ->
               assert(granted[generation]);                           /* no unapproved effect */
               effects++; remembered = true; answer[who] = succeeded; /* which the sender may not get */
#ifndef NONE
               version++
#endif
          fi
        }
     fi
  :: all_done && empty(wire) -> break
  od
}

/* The rest of the world, each at any moment or never. */
#ifdef COLLEAGUE
proctype Colleague() { if :: version++ :: skip fi }
#endif
#ifdef FORGOTTEN
proctype Retention() { if :: forgotten = true :: skip fi }
#endif
#ifdef SWITCH
proctype Switch() {
  if
  :: d_step { stopped = true; if :: store.claim == absent && store.approved -> store.voided = true :: else fi };
     stopped = false
  :: skip
  fi
}
#endif
#ifdef RESTORE
proctype Restore() {
  if
  :: d_step {
       backup.approved = store.approved; backup.approved_gen = store.approved_gen;
       backup.approved_epoch = store.approved_epoch; backup.voided = store.voided; backup.gen = store.gen;
       backup.seen = store.seen; backup.claim = store.claim; backup.claim_gen = store.claim_gen;
       backup.fence = store.fence; backup.holder = store.holder; backup.outcome = store.outcome;
       backup.asked = store.asked
     }
     atomic {
       if :: closed -> goto kept :: else fi;                          /* another run's life after that */
       store.approved = backup.approved; store.approved_gen = backup.approved_gen;
       store.approved_epoch = backup.approved_epoch; store.voided = backup.voided; store.gen = backup.gen;
       store.seen = backup.seen; store.claim = backup.claim; store.claim_gen = backup.claim_gen;
       store.fence = backup.fence; store.holder = backup.holder; store.outcome = backup.outcome;
       store.asked = backup.asked;
       epoch++; restored = true;
#ifndef OLD_CLAIMS
       if :: store.claim == claimed -> store.claim = unknown; conclude(unknown) :: else fi
#endif
     }
  :: skip
  fi;
kept: skip
}
#endif

/* workflows/agent_run.py, _write and _reconcile; activities/prepare.py, ask.py */
proctype Run() {
  byte generation, spawned;

prepares: skip;
  if
  :: store.outcome != absent && store.outcome != unknown -> goto ends
  :: (store.outcome == absent || store.outcome == unknown) && store.gen != 0 -> goto acts  /* as it was */
  :: else
  fi;
  d_step {                                                            /* prepare, freeze, seal */
    generation++; store.gen = generation; store.seen = version
  }
  if                                                                  /* ask, collect: one click */
  :: d_step {
       store.approved = true; store.approved_gen = generation; store.approved_epoch = epoch;
       store.voided = false; granted[generation] = true; approvals++
     }
  :: skip                                                             /* woken by a forged message */
  :: d_step { conclude(rejected) }; goto ends
  fi;

acts:
  if
  :: spawned == ATTEMPTS -> goto ends                                 /* the model's bound: as if cancelled */
  :: spawned < ATTEMPTS && alive < 2 ->
       d_step { spawned++; current = spawned; result = absent; alive++ };
       run Attempt(spawned)
  fi;
  if
  :: result != absent -> skip
  :: over[current] && result == absent -> goto acts                   /* no heartbeat: given up */
  :: spawned < ATTEMPTS -> goto acts                                  /* the same, and it goes on */
  fi;
  if
  :: result == thawed && generation < 2 -> goto prepares
  :: result == thawed && generation >= 2 -> goto ends                 /* the model's bound */
  :: result == halted -> !stopped; goto acts
  :: result == lost -> goto acts                                      /* Unavailable: Temporal tries again */
#ifndef NONE
  :: result == unknown && spawned < ATTEMPTS -> goto acts             /* PATIENCE */
#endif
  :: result == unknown -> skip
  :: else -> goto ends
  fi;

  d_step { store.asked = true };                                      /* ask_outcome */
  if                                                                  /* a person looks, and says; or stop */
  :: d_step {
       if :: store.claim == unknown && effects > 0 -> by_word = true; store.claim = succeeded; conclude(succeeded)
          :: store.claim == unknown && effects == 0 -> by_word = true; store.claim = failed; conclude(failed)
          :: else
       fi
     }
  :: skip
  fi;

ends: skip;
  d_step {                                                            /* runs.end, questions.leave_open */
    closed = true;
    if :: store.claim == claimed -> store.claim = unknown; conclude(unknown) :: else fi;
    if :: store.outcome == unknown -> store.asked = true :: else fi;
    if :: store.outcome == absent -> conclude(rejected) :: else fi    /* SKIPPED: it never left */
  }
}

init {
  d_step { store.claim = absent; store.outcome = absent };
  atomic {
    run Target(); run Run();
#ifdef COLLEAGUE
    run Colleague();
#endif
#ifdef FORGOTTEN
    run Retention();
#endif
#ifdef SWITCH
    run Switch();
#endif
#ifdef RESTORE
    run Restore();
#endif
  }
  closed && alive == 0;
  all_done = true;
  _nr_pr == 1;

  /* No second effect that the design calls impossible; after a restore, none without an approval of its own. */
#ifdef NONE
  assert(sends <= 1 || (restored && sends <= approvals));
#endif
  assert(effects <= 1 || (restored && effects <= approvals));
  /* No lost one. */
  assert(store.outcome != absent && (store.outcome != unknown || store.asked));
  assert(store.claim != claimed);
  /* Nothing told wrongly: what a machine settled is what happened. What a person said was so when they
   * looked; a worker that was stopped with the request in its hands may send it after that. */
  assert(by_word || restored || store.outcome != succeeded || effects == 1);
  assert(by_word || restored || store.outcome == succeeded || store.outcome == unknown || effects == 0)
}
