/* workflows/agent_run.py, _write and _reconcile; activities/prepare.py and ask.py. */

/* ask, collect: one click, which makes a grant (adapters/desk.py) */
inline approves(generation) {
  store.approved = true; store.approved_gen = generation; store.approved_epoch = epoch;
  store.voided = false; granted[generation] = true; approved_once = true
}

proctype Run() {
  byte generation, spawned, patience;

prepares: skip;
  if
  :: store.outcome != absent && store.outcome != unknown -> goto ends
  :: (store.outcome == absent || store.outcome == unknown) && store.gen != 0 -> goto acts  /* as it was */
  :: else
  fi;
  d_step {                                                        /* prepare, freeze, seal */
    generation++; store.gen = generation; store.seen = VERSION;
    store.approved = false; store.consumed = false
  }
  if
  :: d_step { !CLOSED && store.gen == generation -> approves(generation) }
  :: skip                                                         /* woken by a forged message */
  :: d_step { ends_unsent() }; goto ends                          /* denied, or expired */
  :: store.cancel -> goto ends
  fi;

acts: skip;
  d_step { step++; activity_now = step };
again:
  if
#ifdef LIVE
  :: alive < 2 -> assert(spawned < ATTEMPTS);                     /* as many as there are faults, no more */
#else
  :: spawned == ATTEMPTS -> goto ends                             /* the model's bound: as if cancelled */
  :: spawned < ATTEMPTS && alive < 2 ->
#endif
       d_step {
         spawned++; current = spawned; activity[spawned] = activity_now; result = absent; alive++
       };
       run Attempt(spawned)
  :: store.cancel -> goto ends
  fi;
  if
  :: result != absent -> skip
#ifndef NO_RETRY
  :: over[current] && result == absent -> goto again              /* no heartbeat: given up */
#endif
  :: FAULT_IF(spawned < ATTEMPTS) -> goto again                   /* the same, and it goes on */
  fi;
  if
  :: result == thawed && generation < 2 -> goto prepares
  :: result == thawed && generation >= 2 -> goto ends             /* the model's bound */
  :: result == halted -> !stopped; goto acts
  :: result == lost -> goto again                                 /* Unavailable: Temporal tries again */
#ifndef NONE
  :: result == unknown && patience < 1 -> patience++; goto acts   /* PATIENCE */
#endif
  :: result == unknown -> skip
  :: SETTLED(result) || result == rejected -> goto ends
  fi;
#ifndef NO_QUESTION
  d_step { if :: store.outcome == unknown -> store.asked = true :: else fi };  /* ask_outcome */
#endif

ends: skip;
  d_step { ends_the_run() };                                      /* runs.end */
  d_step {
    generation = 0; spawned = 0; patience = 0; step = 0; activity_now = 0; current = 0; result = absent;
    finished = true
  }
}
