/* One approved write, as the code carries it out, for spin: every order of every step, one kind of target at
 * a time. See README.md for the laws; `make model` checks them, and that each broken variant has a
 * counter-example.
 *
 * -DNATIVE | -DLOOKUP [-DUNVERSIONED] | -DNONE   how a retry of the tool is safe (contracts/tool.py, Retry)
 * -DATTEMPTS=n -DSENDS=n                         of the write's activity; of one attempt (sending.py, PAUSES)
 * -DWORD -DCOLLEAGUE -DWITHDRAW -DCANCEL -DSWITCH -DPOLICY -DRESTORE -DRETENTION   what else may happen, once
 * -DFAULTS=n                                     deaths, stops and lost messages, then no more; else any number
 * -DLIVE                                         the law of liveness; with FAULTS, and attempts enough for them
 * -DON_THE_WAY                                   only what is asserted on the way to the end
 * tests/laws/test_model.py names what is broken on purpose.
 *
 * What is abstracted: one action, one approver, capabilities and digests (a generation stands for a frozen
 * record), time (whatever waits may be given up, at any moment).
 */

#ifndef ATTEMPTS
#define ATTEMPTS 2   /* two of them alive at most: two workers, one a zombie */
#endif
#ifndef SENDS
#define SENDS 2
#endif

#ifdef FAULTS
byte faults;
#define FAULT_IF(c) d_step { (c) && faults < FAULTS -> faults++ }
#else
#define FAULT_IF(c) (c)
#endif
#define FAULT FAULT_IF(true)

/* Ghosts: what the laws speak of and no process asks. */
byte sends;
bool granted[4];       /* by generation */
bool approved_once;
bool by_word;          /* a person said what happened */
bool restored;
bool unheard_of;       /* the backup knew of no frozen write */
bool finished, all_done;

/* What Temporal knows. */
byte alive, current, step, activity_now;
byte activity[ATTEMPTS + 1];
mtype result;

#include "store.pml"
#include "ledger.pml"
#include "target.pml"
#include "attempt.pml"
#include "run.pml"
#include "world.pml"

/* Every end of a write that was approved: what the books say is what happened, or that nobody knows and who
 * was asked. "It did not" was so when the person looked: a worker that was stopped with the request in its
 * hands can send it after that. And of what was frozen after the backup, the restored books know nothing. */
#define TRUE_WORD ((store.outcome != succeeded || effects >= 1) && \
  (effects == 0 || store.outcome == succeeded || store.outcome == unknown || by_word || unheard_of))
#define ENDED (store.outcome != absent && (store.outcome != unknown || store.asked))
#define BOOKS_AGREE (store.claim == absent || store.claim == failed || store.claim == store.outcome)

#ifdef LIVE
ltl ends { [] (approved_once -> <> [] ((ENDED || unheard_of) && TRUE_WORD && store.claim != claimed)) }
#endif

init {
  d_step { store.claim = absent; store.outcome = absent; result = absent };
  atomic {
    run Target(); run Run();
#ifdef LIVE
    run Clock();
#endif
#ifdef WORD
    run Person();
#endif
#ifdef COLLEAGUE
    run Colleague();
#endif
#ifdef WITHDRAW
    run Approver();
#endif
#ifdef CANCEL
    run Canceller();
#endif
#ifdef RETENTION
    run Retention();
#endif
#ifdef SWITCH
    run Switch();
#endif
#ifdef POLICY
    run Policy();
#endif
#ifdef RESTORE
    run Restore();
#endif
  }
  finished && alive == 0;
  all_done = true;
#ifndef LIVE
  _nr_pr == 1;
#endif
#if !defined(ON_THE_WAY) && !defined(LIVE)
#ifdef NONE
  assert(sends <= 1);                                             /* for `none` not even a second send */
#endif
  assert(effects <= 1);                                           /* no second effect */
  assert(ENDED || unheard_of);                                    /* no lost one */
  assert(store.claim != claimed);
  assert(TRUE_WORD);
  assert(BOOKS_AGREE)
#endif
}
