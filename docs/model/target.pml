/* The target: it alone can stop a second effect, where its kind can. */

mtype = { unsent, held, changed };                                     /* answers beside the claim's */

/* A request lies on the wire for as long as it likes, or is lost there. */
chan wire = [SENDS * ATTEMPTS] of { byte /* attempt */, byte /* version */, byte /* generation */ };
mtype answer[ATTEMPTS + 1];
byte version;
byte effects;
bool remembered;       /* our key: for `native` to deduplicate by, for `lookup` to find */
bool aged;             /* the ledger counts on that no more (policies/retry.py, _SURE of the retention) */
bool forgotten;        /* the target has forgotten it */
byte under_way;        /* requests that may yet have an effect */
bool over[ATTEMPTS + 1];

/* What the version is, for whoever can read one. */
#ifdef UNVERSIONED
#define VERSION 0
#else
#define VERSION version
#endif

proctype Target() {
  byte who, expected, generation;
  do
  :: wire?who, expected, generation ->
     if
     :: FAULT -> answer[who] = lost                               /* lost on its way, or it failed before */
     :: over[who] == false -> answer[who] = refused               /* no, and it stays with it */
     :: d_step {
          if
#ifdef NATIVE
          :: remembered && !forgotten -> answer[who] = succeeded  /* by its key */
#endif
#if defined(LOOKUP) && !defined(UNVERSIONED)
          :: expected != version -> answer[who] = changed         /* If-Match */
#endif
          :: else ->
               assert(granted[generation]);                       /* no unapproved effect */
               effects++; remembered = true; answer[who] = succeeded;
#ifdef LOOKUP
               version++
#endif
          fi
        };
        if :: skip :: FAULT -> answer[who] = lost fi               /* done, and the answer is lost */
     fi;
     under_way--
  :: all_done && empty(wire) -> break
  od
}

/* tools/armed.py, find */
inline finds_it(nothing, unasked) {
  if
#ifndef NONE
  :: d_step { if :: remembered && !forgotten -> got = succeeded :: else -> got = nothing fi }
#endif
  :: got = unasked                                                /* cannot be asked, or not now */
  fi
}

/* tools/armed.py, send: it leaves, and waits for an answer for as long as it likes. */
inline sends_it() {
  if
  :: got = unsent                                                 /* no connection: nothing left */
  :: d_step {
       sends++; under_way++; answer[me] = absent; wire!me, frozen_version, generation;
       assert(granted[generation])                                /* no unapproved write */
     }
     if
     :: answer[me] != absent -> got = answer[me]
     :: FAULT -> got = lost
     fi
  fi
}
