/*
 * What computes and calls nothing: `nbody N`, `sha256 N`, and `spin`, which never ends.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODIES 5

struct body { double x, y, z, vx, vy, vz, mass; };

static struct body bodies[BODIES] = {
	{0, 0, 0, 0, 0, 0, 39.5},
	{4.84, -1.16, -0.10, 0.60, 2.81, -0.02, 0.037},
	{8.34, 4.12, -0.40, -1.01, 1.82, 0.008, 0.011},
	{12.89, -15.11, -0.22, 1.08, 0.86, -0.01, 0.0017},
	{15.37, -25.91, 0.17, 0.97, 0.59, -0.03, 0.002},
};

static void advance(double dt) {
	for (int i = 0; i < BODIES; i++) {
		struct body *a = &bodies[i];
		for (int j = i + 1; j < BODIES; j++) {
			struct body *b = &bodies[j];
			double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
			double square = dx * dx + dy * dy + dz * dz;
			double force = dt / (square * sqrt(square));
			a->vx -= dx * b->mass * force;
			a->vy -= dy * b->mass * force;
			a->vz -= dz * b->mass * force;
			b->vx += dx * a->mass * force;
			b->vy += dy * a->mass * force;
			b->vz += dz * a->mass * force;
		}
	}
	for (int i = 0; i < BODIES; i++) {
		struct body *a = &bodies[i];
		a->x += dt * a->vx;
		a->y += dt * a->vy;
		a->z += dt * a->vz;
	}
}

static double nbody(long steps) {
	for (long i = 0; i < steps; i++) advance(0.01);
	return bodies[0].x;
}

static uint32_t turn(uint32_t value, int by) { return value >> by | value << (32 - by); }

/* The constants are those of the algorithm: parts of the roots of the first primes. */
static uint32_t constants[64];

static void make_constants(void) {
	int found = 0;
	for (int n = 2; found < 64; n++) {
		int prime = 1;
		for (int d = 2; d * d <= n; d++) if (n % d == 0) prime = 0;
		if (prime) constants[found++] = (uint32_t)(fmod(cbrt(n), 1.0) * 4294967296.0);
	}
}

static void block(uint32_t state[8], const uint8_t *bytes) {
	uint32_t w[64], s[8];
	for (int i = 0; i < 16; i++) {
		const uint8_t *at = bytes + 4 * i;
		w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	}
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] +
			(turn(b, 17) ^ turn(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t one = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
			((e & s[5]) ^ (~e & s[6])) + constants[i] + w[i];
		uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
			((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++) state[i] += s[i];
}

static double sha256(long blocks) {
	static uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	static uint8_t bytes[64];
	make_constants();
	for (long i = 0; i < blocks; i++) {
		bytes[i & 63] = (uint8_t)i;
		block(state, bytes);
	}
	return state[0];
}

static volatile unsigned rounds;

int main(int argc, char **argv) {
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 0;
	if (strcmp(what, "spin") == 0) {
		puts("spinning");
		fflush(stdout);
		for (;;) rounds++;
	}
	printf("%.9g\n", strcmp(what, "nbody") == 0 ? nbody(count) : sha256(count));
	return 0;
}
