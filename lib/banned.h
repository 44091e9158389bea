#ifndef BANNED_H
#define BANNED_H

/*
 * Functions that this project does not call, because each of them has lost somebody's data.
 * Every .c file includes this header last; tests/lint/banned.sh checks that, and looks at the
 * symbols of the objects besides.
 */

#define BANNED(name) error_##name##_is_banned_see_banned_h

#undef strcpy
#define strcpy(...) BANNED(strcpy)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok
#define strtok(...) BANNED(strtok)
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atof
#define atof(...) BANNED(atof)
#undef strtod
#define strtod(...) BANNED(strtod)
#undef gmtime
#define gmtime(...) BANNED(gmtime)
#undef localtime
#define localtime(...) BANNED(localtime)
#undef rand
#define rand(...) BANNED(rand)
#undef system
#define system(...) BANNED(system)
#undef popen
#define popen(...) BANNED(popen)
#undef fork
#define fork(...) BANNED(fork)
#undef tmpnam
#define tmpnam(...) BANNED(tmpnam)

#endif
