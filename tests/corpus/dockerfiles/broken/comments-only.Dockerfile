# nothing here
#
