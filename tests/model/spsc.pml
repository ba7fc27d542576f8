/* The protocol of lib/ring/spsc.h: one producer, one consumer, CAP slots, MSGS messages, close.
 * Each shared word is one step; a payload is two words, so that a torn one shows. Sequentially
 * consistent: memory orders are the subject of lib/base/model.
 *
 * Mutants, each of which must fail: MUTANT_EARLY_HEADER (published before it is filled),
 * MUTANT_EARLY_HEAD (given back before it is read), MUTANT_NO_LIMIT (no look at the head),
 * MUTANT_CLOSE_FIRST (the consumer trusts `closed` without a last look). */

#ifndef CAP
#define CAP 2
#endif
#ifndef MSGS
#define MSGS 8
#endif

byte sequence[CAP];
byte low_word[CAP];
byte high_word[CAP];
byte head = 0;
bool closed = false;
byte received = 0;

proctype producer() {
    byte tail = 0;
    byte limit = CAP;
    do
    :: tail == MSGS -> break
    :: tail < MSGS ->
        if
        :: tail == limit ->
#ifdef MUTANT_NO_LIMIT
            limit = limit + CAP
#else
            (head + CAP > tail);    /* try_send() says AGAIN until then */
            limit = head + CAP
#endif
        :: tail < limit
        fi;
#ifdef MUTANT_EARLY_HEADER
        sequence[tail % CAP] = tail + 1;
#endif
        low_word[tail % CAP] = tail + 1;
        high_word[tail % CAP] = tail + 1;
#ifndef MUTANT_EARLY_HEADER
        sequence[tail % CAP] = tail + 1;
#endif
        tail++
    od;
    closed = true
}

proctype consumer() {
    byte at = 0;
    byte first;
    do
    :: sequence[at % CAP] == at + 1 ->
#ifdef MUTANT_EARLY_HEAD
        head = at + 1;
#endif
        first = low_word[at % CAP];
        assert(first == at + 1);
        assert(high_word[at % CAP] == first);
        at++;
        received++;
#ifndef MUTANT_EARLY_HEAD
        head = at
#endif
    :: sequence[at % CAP] != at + 1 ->
        /* AGAIN, or NODATA: `closed` is read first, then the slot. */
        if
        :: closed ->
#ifndef MUTANT_CLOSE_FIRST
            if
            :: sequence[at % CAP] != at + 1 -> break
            :: sequence[at % CAP] == at + 1
            fi
#else
            break
#endif
        :: !closed -> (sequence[at % CAP] == at + 1 || closed)
        fi
    od;
    assert(at == MSGS)
}

init {
    byte i = 0;
    atomic {
        do
        :: i == CAP -> break
        :: i < CAP -> sequence[i] = i; i++
        od;
        run producer();
        run consumer()
    }
}

ltl delivered { <> (received == MSGS) }
