# The SDKs are real files, sdk/GROUP/PATH, compiled in as one table: a program needs no installation to find them.
# Writes sdk_files.inc into the including folder's build folder.
set(sdk_folder ${CMAKE_CURRENT_LIST_DIR}/sdk)
file(GLOB_RECURSE sdk_files CONFIGURE_DEPENDS RELATIVE ${sdk_folder} ${sdk_folder}/*)
list(SORT sdk_files)
set(rows "")
foreach(file IN LISTS sdk_files)
  string(REGEX MATCH "^([^/]+)/(.+)$" matched ${file})
  file(READ ${sdk_folder}/${file} text)
  string(APPEND rows "{\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\", R\"sdk(${text})sdk\"},\n")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${sdk_folder}/${file})
endforeach()
file(CONFIGURE OUTPUT sdk_files.inc CONTENT "@rows@" @ONLY)
