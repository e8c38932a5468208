/**
 * Loops of small C functions as clang 14 compiles them (`--target=wasm32 -O2`), and whether they count as such that end
 * by themselves. `f` is the function.
 */
export interface Shape {
	readonly source: string;
	readonly isCounted: boolean;
	/** The module, in base64. */
	readonly module: string;
}

export const SHAPES: readonly Shape[] = [
	{
		source: "void f(volatile int*x) { for(;;)(*x)++; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBQFgAX8AAwIBAAUDAQACBggBfwFBgIgECwcOAgZtZW1vcnkCAAFmAAAKFgEUAANAIAAgACgCAEEBajYCAAwACws=",
	},
	{
		source: "void f(volatile int*x) { while(*x); }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBQFgAX8AAwIBAAUDAQACBggBfwFBgIgECwcOAgZtZW1vcnkCAAFmAAAKDgEMAANAIAAoAgANAAsL",
	},
	{
		source: "int f(char*s) { char*p=s;while(*p)p++;return p-s; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAgYIAX8BQYCIBAsHDgIGbWVtb3J5AgABZgAACikBJwEDf0EAIQEDQCAAIAFqIQIgAUEBaiIDIQEgAi0AAA0ACyADQX9qCw==",
	},
	{
		source: "int f(int*a,int n) { int s=0;for(int i=0;i<n;i++)s+=a[i]*3;return s; }",
		isCounted: true,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAArDAQHAAQEEfwJAIAFBAU4NAEEADwsgAUEDcSECAkACQCABQX9qQQNPDQBBACEDQQAhBAwBCyABQXxxIQVBACEDIAAhAUEAIQQDQCABQQxqKAIAQQNsIAFBCGooAgBBA2wgAUEEaigCAEEDbCABKAIAQQNsIARqampqIQQgAUEQaiEBIAUgA0EEaiIDRw0ACwsCQCACRQ0AIAAgA0ECdGohAQNAIAEoAgBBA2wgBGohBCABQQRqIQEgAkF/aiICDQALCyAECw==",
	},
	{
		source: "void f(volatile int*a,int n) { while(n--)a[n]=n; }",
		isCounted: true,
		module:
			"AGFzbQEAAAABBgFgAn9/AAMCAQAFAwEAAgYIAX8BQYCIBAsHDgIGbWVtb3J5AgABZgAACt0BAdoBAQN/AkAgAUUNACABQX9qIQICQCABQQdxIgNFDQAgAUECdCAAakF8aiEEA0AgBCABQX9qIgE2AgAgBEF8aiEEIANBf2oiAw0ACwsgAkEHSQ0AIAAgAUF4aiIEQQJ0aiEBA0AgAUEcaiAEQQdqNgIAIAFBGGogBEEGajYCACABQRRqIARBBWo2AgAgAUEQaiAEQQRqNgIAIAFBDGogBEEDajYCACABQQhqIARBAmo2AgAgAUEEaiAEQQFqNgIAIAEgBDYCACABQWBqIQEgBEF4aiIEQXhHDQALCws=",
	},
	{
		source:
			"int f(volatile int*a,int n) { for(int i=0;i<n;i++) { a[0]=i; if(a[1])n+=a[2]; }return n; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAApBAT8BAX8CQCABQQFIDQBBACECA0AgACACNgIAAkAgACgCBEUNACAAKAIIIAFqIQELIAJBAWoiAiABSA0ACwsgAQs=",
	},
	{
		source: "int f(volatile int*a,int n) { for(int i=0;i<n;i++) { if(a[i]==3)i=0; }return n; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAAo2ATQBAX8CQCABQQFIDQBBACECA0BBASACQQFqIAAgAkECdGooAgBBA0YbIgIgAUgNAAsLIAEL",
	},
	{
		source: "unsigned f(unsigned x) { unsigned n=0;while(x!=1) { x=x&1?3*x+1:x/2;n++; }return n; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAgYIAX8BQYCIBAsHDgIGbWVtb3J5AgABZgAACj4BPAEBf0EAIQECQCAAQQFGDQBBACEBA0AgAUEBaiEBIABBA2xBAWogAEEBdiAAQQFxGyIAQQFHDQALCyABCw==",
	},
	{
		source: "unsigned f(unsigned a,unsigned b) { while(b) { unsigned t=a%b;a=b;b=t; }return a; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAAomASQBAX8CQCABDQAgAA8LA0AgACABIgJwIQEgAiEAIAENAAsgAgs=",
	},
	{
		source: "int f(volatile int*a,int n) { int i=0;while(i<n) { if(a[3])i++; }return i; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAAouASwBAX8CQCABQQFODQBBAA8LQQAhAgNAIAIgACgCDEEAR2oiAiABSA0ACyACCw==",
	},
	{
		source:
			"int f(volatile int*a,int n) { int i=0;while(i!=n) { if(a[3]) { a[5]=i;i++; }else a[4]=7; }return i; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAApDAUEBAX8CQCABRQ0AQQAhAgNAAkACQCAAKAIMRQ0AIAAgAjYCFCACQQFqIQIMAQsgAEEHNgIQCyACIAFHDQALCyABCw==",
	},
	{
		source:
			"int f(volatile int*a,int n) { int i=0;for(;;) { if(a[1])continue;if(i==n)break;i+=2;a[2]=i; }return i; }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAAouASwBAX9BACECA0AgACgCBA0AAkAgAiABRg0AIAAgAkECaiICNgIIDAELCyABCw==",
	},
	{
		source:
			"int f(volatile int*a,int n) { int i=0;for(;;) { a[1]=i;if(i==n)break;a[2]=i;i++; }return i; }",
		isCounted: true,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAAqBAgH+AQEEf0EAIQIgAEEANgIEAkAgAUUNACABQQdxIQMCQCABQX9qQQdJDQAgAUF4cSEEQQAhAgNAIAAgAjYCCCAAIAJBAWoiBTYCBCAAIAU2AgggACACQQJqIgU2AgQgACAFNgIIIAAgAkEDaiIFNgIEIAAgBTYCCCAAIAJBBGoiBTYCBCAAIAU2AgggACACQQVqIgU2AgQgACAFNgIIIAAgAkEGaiIFNgIEIAAgBTYCCCAAIAJBB2oiBTYCBCAAIAU2AgggACACQQhqIgI2AgQgAiAERw0ACwsgA0UNAANAIAAgAjYCCCAAIAJBAWoiAjYCBCADQX9qIgMNAAsLIAEL",
	},
	{
		source: "int f(volatile int*a,int n) { do { a[n]=n; }while(--n);return 0; }",
		isCounted: true,
		module:
			"AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAArUAQHRAQEDfyABQX9qIQICQCABQQdxIgNFDQAgACABQQJ0aiEEA0AgBCABNgIAIARBfGohBCABQX9qIQEgA0F/aiIDDQALCwJAIAJBB0kNACABQQJ0IABqQWRqIQQDQCAEQRxqIAE2AgAgBEEYaiABQX9qNgIAIARBFGogAUF+ajYCACAEQRBqIAFBfWo2AgAgBEEMaiABQXxqNgIAIARBCGogAUF7ajYCACAEQQRqIAFBemo2AgAgBCABQXlqNgIAIARBYGohBCABQXhqIgENAAsLQQAL",
	},
	{
		source: "void f(char*p,char*e) { while(p!=e)*p++^=3; }",
		isCounted: true,
		module:
			"AGFzbQEAAAABBgFgAn9/AAMCAQAFAwEAAgYIAX8BQYCIBAsHDgIGbWVtb3J5AgABZgAACuwBAekBAQJ/AkAgACABRg0AIABBf3MgAWohAgJAIAEgAGtBB3EiA0UNAANAIAAgAC0AAEEDczoAACAAQQFqIQAgA0F/aiIDDQALCyACQQdJDQADQCAAIAAtAABBA3M6AAAgAEEBaiIDIAMtAABBA3M6AAAgAEECaiIDIAMtAABBA3M6AAAgAEEDaiIDIAMtAABBA3M6AAAgAEEEaiIDIAMtAABBA3M6AAAgAEEFaiIDIAMtAABBA3M6AAAgAEEGaiIDIAMtAABBA3M6AAAgAEEHaiIDIAMtAABBA3M6AAAgAEEIaiIAIAFHDQALCws=",
	},
	{
		source: "void g(int);void f(int n) { for(int i=0;i<n;i++)g(i); }",
		isCounted: false,
		module:
			"AGFzbQEAAAABBQFgAX8AAgkBA2VudgFnAAADAgEABQMBAAIGCAF/AUGAiAQLBw4CBm1lbW9yeQIAAWYAAQorASkBAX8CQCAAQQFIDQBBACEBA0AgARCAgICAACAAIAFBAWoiAUcNAAsLCw==",
	},
];
