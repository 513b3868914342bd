/* One attempt of the write's activity: activities/act.py, write; activities/sending.py. It may die before any
 * step, or be given up by Temporal and go on: the worker that was killed, and the one that was stopped. */

#define DIES if :: skip :: FAULT -> goto dead fi

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

/* activities/sending.py, _look_up: a resend only on the version that was approved, and after a look whether it
 * may still be sent (ledger, confirm) */
inline looks_up() {
  finds_it(absent, unknown);
  if
  :: got == absent ->
     if
#ifdef BLIND_RESEND
     :: true -> frozen_version = version; sends_it()
#else
#ifdef UNVERSIONED
     :: true -> got = unknown
#else
     :: armed == frozen_version ->
        if
        :: CONFIRMED -> sends_it()
        :: else -> got = unknown
        fi
     :: else -> got = unknown
#endif
#endif
     fi
  :: else
  fi
}

proctype Attempt(byte me) {
  byte generation, frozen_version, armed, mine, mine_epoch, tries;
  mtype said, got;
  bool doubted, is_unsent;

  d_step {                                                        /* activities/guard.py */
    generation = store.gen; frozen_version = store.seen;
    if
    :: store.outcome != absent && store.outcome != unknown -> said = stored
    :: generation == 0 && (store.outcome == absent || store.outcome == unknown) -> said = thawed
    :: else -> said = go_on
    fi
  }
  if
  :: said != go_on -> goto tells
  :: else
  fi;
  DIES;
  armed = VERSION;                                                /* toolbox.arm */
  if
  :: armed != frozen_version && !KNOWN ->                         /* _changed_before */
       DIES; d_step { thaw(generation); said = thawed }; goto tells
  :: else
  fi;

claims:
  DIES;
  claims_it();
  if
  :: said == send ->
       is_unsent = !doubted;
       if
       :: skip
       :: !CONFIRMED ->                                           /* activities/gate.py: it waited, and may no more */
            if :: doubted -> got = unknown :: else -> got = held fi;
            goto ends_it
       fi
  :: said == look_up || said == look || said == nobody_knows -> skip
  :: said == annulled ->                                          /* approved before a stop: asked anew */
       DIES; d_step { thaw(generation); said = thawed }; goto tells
  :: else -> goto tells
  fi;
  DIES;                                                           /* stopped here: the zombie's send */
  if
  :: said == send -> sends_it()
  :: said == look_up -> looks_up()
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

ends_it:
  DIES;
  if
  :: got == held ->
       releases();
       if :: said == lost -> DIES; settles(failed) :: else fi
  :: got == changed ->
       releases();
       if :: said == lost -> DIES; settles(refused) :: else fi
  :: else -> settles(got)
  fi;

tells: skip;
  DIES;
  if :: said == rejected -> d_step { ends_unsent() }; DIES :: else fi;  /* act.py, _end */
  d_step {                                                        /* the ack: of the current attempt only */
    if
    :: me == current && result == absent ->
       if
       :: said == halted || said == thawed || said == lost -> result = said
       :: store.outcome == absent -> result = lost                 /* nothing to tell: Unavailable */
       :: else -> result = store.outcome
       fi
    :: else
    fi
  }
dead: skip;
  d_step {
    over[me] = true; alive--; answer[me] = absent;
    said = absent; got = absent; generation = 0; frozen_version = 0; armed = 0; mine = 0; mine_epoch = 0;
    tries = 0; doubted = false; is_unsent = false
  }
}
