/**
 * IndexedDB as it is: one object store, transactions that one waits for.
 */

export interface RawStore {
	/** Puts `count` records in one transaction and waits until they are durable. */
	put(
		count: number,
		record: (n: number) => readonly [key: IDBValidKey, value: unknown],
	): Promise<void>;
	keys(): Promise<IDBValidKey[]>;
	values(range: IDBKeyRange): Promise<unknown[]>;
	close(): void;
}

/** Opens a database that has, or is given, one object store. */
export async function openRaw(name: string, storeName = "records"): Promise<RawStore> {
	const opening = indexedDB.open(name);
	opening.onupgradeneeded = () => opening.result.createObjectStore(storeName);
	const database = await answer(opening);
	return {
		put(count, record) {
			const transaction = database.transaction(storeName, "readwrite", { durability: "strict" });
			const records = transaction.objectStore(storeName);
			for (let n = 0; n < count; n++) {
				const [key, value] = record(n);
				records.put(value, key);
			}
			return new Promise((resolve, reject) => {
				transaction.oncomplete = () => resolve();
				transaction.onabort = () => reject(transaction.error);
			});
		},
		keys: () => answer(database.transaction(storeName).objectStore(storeName).getAllKeys()),
		values: (range) => answer(database.transaction(storeName).objectStore(storeName).getAll(range)),
		close: () => database.close(),
	};
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}
