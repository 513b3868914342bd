/* The store's rows of one action, and the statements on them that more than one process makes. */

mtype = { absent, claimed, succeeded, failed, refused, unknown, rejected };  /* a claim's states, and outcomes */

/* adapters/schema.py. What a restore takes back is all of it. `rejected` stands for every end of an action
 * that was never sent: rejected, denied, expired, skipped. */
typedef Store {
  bool approved;       /* approvals.state of the newest one */
  byte approved_gen;   /* approvals.action_digest */
  byte approved_epoch; /* Grant.epoch */
  bool voided;         /* a switch was set after the click (adapters/standing.py, voided) */
  bool consumed;       /* approvals.claimed: too late to withdraw */
  byte gen;            /* actions.action_digest: which frozen record stands; 0: none, or it was thawed */
  byte seen;           /* Frozen.target_version of it */
  mtype claim;         /* claims.state */
  byte claim_gen;      /* claims.action_digest */
  byte claim_epoch;
  byte fence;
  byte holder;         /* the attempt that has the claim */
  mtype outcome;       /* actions.outcome */
  bool asked;          /* actions.reconciliation_id: the question, and with it its card */
  bool cancel;         /* runs.cancel_reason */
  bool ended           /* runs.ended_ms */
}
Store store;
byte epoch;            /* adapters/epoch.py, current */
bool stopped;          /* a kill switch holds */
bool denied;           /* the policy in force does not allow it */

#define CLOSED (store.ended || store.cancel)                      /* adapters/standing.py, closed */
#define OPEN_CLAIM (store.claim == claimed || store.claim == unknown)
#define KNOWN (store.claim != absent && store.claim != failed)    /* adapters/ledger.py, known */
#define SETTLED(state) (state == succeeded || state == refused || state == failed)

/* adapters/actions.py, conclude: what is known is kept. */
inline conclude(what) {
  if
  :: store.outcome == absent || store.outcome == unknown -> store.outcome = what
  :: else
  fi
}

/* adapters/actions.py, StoreActions.conclude: how an action ends that was not sent. Not while a claim of it is
 * open: then somebody else was let through, and the claim's own end is what counts. */
inline ends_unsent() {
  if
#ifndef LATE_REFUSAL
  :: OPEN_CLAIM -> skip
#endif
  :: else -> conclude(rejected)
  fi
}

/* adapters/actions.py, thaw */
inline thaw(generation) {
  if
#ifdef THAW_CLAIMED
  :: store.gen == generation && store.outcome == absent ->
#else
  :: store.gen == generation && store.outcome == absent && !KNOWN ->
#endif
       store.gen = 0; store.approved = false; store.consumed = false
  :: else
  fi
}

/* adapters/questions.py, leave_open; then adapters/closing.py, close_open: the end of a run. */
inline ends_the_run() {
  store.ended = true;
#ifndef NO_LEAVE_OPEN
  if :: store.claim == claimed -> store.claim = unknown; conclude(unknown) :: else fi;
#endif
#ifndef NO_QUESTION
  if :: store.outcome == unknown -> store.asked = true :: else fi;
#endif
  if :: store.outcome == absent -> store.outcome = rejected :: else fi
}
